// What a typed line means.

export type Command =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'chats' }
  | { readonly kind: 'open'; readonly chat: string }
  | { readonly kind: 'history'; readonly count: number }
  | { readonly kind: 'group'; readonly title: string; readonly handles: readonly string[] }
  | { readonly kind: 'add'; readonly handles: readonly string[] }
  | { readonly kind: 'remove'; readonly handle: string }
  | { readonly kind: 'leave' }
  | { readonly kind: 'members' }
  | { readonly kind: 'devices' }
  | { readonly kind: 'logout' }
  | { readonly kind: 'help' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'wrong'; readonly says: string };

export const help = `  /open bob            open the chat with bob; /open 2 opens the second of the list
  /chats               list your chats
  /history 50          more of what was written before
  /group "Tea" bob eve make a group; /add eve, /remove eve, /leave, /members
  /devices             where you are logged in; /logout ends it here and forgets everything
  /quit                leave; //text says something that begins with a slash`;

const historyDefault = 20;
const historyMax = 200;

export function commandOf(line: string): Command {
  const trimmed = line.trim();
  if (trimmed === '') return { kind: 'nothing' };
  if (!trimmed.startsWith('/')) return { kind: 'say', text: line };
  if (trimmed.startsWith('//')) return { kind: 'say', text: trimmed.slice(1) };
  const [name, ...words] = wordsOf(trimmed.slice(1));
  const [first, ...others] = words;
  switch (name) {
    case 'open':
      return first === undefined ? wrong('/open HANDLE, or the number of a chat in the list') : { kind: 'open', chat: first };
    case 'history': {
      const count = first === undefined ? historyDefault : Number(first);
      return Number.isInteger(count) && count > 0 ? { kind: 'history', count: Math.min(count, historyMax) } : wrong('/history NUMBER');
    }
    case 'group':
      return first === undefined || others.length === 0
        ? wrong('/group TITLE HANDLE …, a title of several words in "quotes"')
        : { kind: 'group', title: first, handles: others.map(bare) };
    case 'add':
      return first === undefined ? wrong('/add HANDLE …') : { kind: 'add', handles: words.map(bare) };
    case 'remove':
      return first === undefined ? wrong('/remove HANDLE') : { kind: 'remove', handle: bare(first) };
    case 'chats':
    case 'leave':
    case 'members':
    case 'devices':
    case 'logout':
    case 'help':
    case 'quit':
      return { kind: name };
    default:
      return wrong(`There is no /${name}. /help lists what there is.`);
  }
}

function wrong(says: string): Command {
  return { kind: 'wrong', says };
}

/** A handle, typed with or without its @. */
function bare(handle: string): string {
  return handle.replace(/^@/, '');
}

function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|\S+/g)].map(([whole, quoted]) => quoted ?? whole);
}
