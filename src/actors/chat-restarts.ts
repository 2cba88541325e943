// What an activation of a chat owes where the one before it broke off: entries that it stored may never have been pushed.
import type { Router } from '../cluster/router.ts';
import type { ChatState } from '../core/chat.ts';
import * as groups from '../core/groups.ts';
import { isMember, staysOf } from '../core/members.ts';
import { watermarkOf } from '../core/receipts.ts';
import { limits } from '../protocol/limits.ts';
import type { Entry } from '../protocol/messages.ts';
import type { MessageStore } from '../store/messages.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import { pushOf } from './chat-reads.ts';

export interface RestartNeeds {
  readonly messages: MessageStore;
  readonly router: Router;
}

/** Chats of this node that have appended and have not been put away since: if one is loaded again, it has crashed or was superseded in between. */
export class Restarts {
  readonly #appended = new Set<ChatId>();

  appends(chatId: ChatId): void {
    this.#appended.add(chatId);
  }

  putAway(chatId: ChatId): void {
    this.#appended.delete(chatId);
  }

  /** Lets everybody who is or was in look where the chat stands. What they have heard already tells them nothing new. */
  woken(state: ChatState, needs: RestartNeeds): void {
    if (state.seq === 0 || !this.#appended.has(state.chatId)) return;
    tellHeads(state, needs);
    if (state.grownAtMs > 0) void repeatLast(state, needs);
  }
}

/** More entries than one append can hold: who came in before those has been told. */
const appendMax = 256;

/** Of a large chat those who are out, or may not yet know that they are in, are told by name; the others hear its audiences. */
function tellHeads(state: ChatState, needs: RestartNeeds): void {
  const { members, grownAtMs, atMs, seq } = state;
  const allNew = atMs - grownAtMs <= limits.healMaxMs;
  for (const userId of members.byUser.keys()) {
    if (grownAtMs === 0 || !isMember(members, userId)) tellHead(state, userId, needs.router);
    else if (allNew || joinedSeq(state, userId) > seq - appendMax) remind(state, userId, needs);
  }
}

function tellHead(state: ChatState, userId: UserId, router: Router): void {
  const { chatId, receipts } = state;
  const { head } = groups.lineOf(state, userId);
  const row = { chatId, head, read: watermarkOf(receipts, userId).read, receiptsVersion: receipts.version };
  router.notifyUser(userId, { kind: 'moved', request: 0, rows: [row], last: true }, null);
}

/** Tells one user where the chat stands; if it is large, the entry that let them in makes their sessions join its audience. */
export function remind(state: ChatState, userId: UserId, needs: RestartNeeds): void {
  tellHead(state, userId, needs.router);
  if (state.grownAtMs === 0 || !isMember(state.members, userId)) return;
  void entryAt(state.chatId, joinedSeq(state, userId), needs.messages).then((entry) => entry !== undefined && needs.router.pushToUser(userId, pushOf(entry).push));
}

function joinedSeq({ members }: ChatState, userId: UserId): number {
  return staysOf(members, userId).at(-1)?.joined ?? 0;
}

/** Audiences see a gap before it, if there is one, and ask for what is missing. */
async function repeatLast({ chatId, seq }: ChatState, { messages, router }: RestartNeeds): Promise<void> {
  const last = await entryAt(chatId, seq, messages);
  if (last !== undefined) router.pushToAudiences(chatId, pushOf(last));
}

/** Undefined also where the store is out of reach: what would have been told shows with the next entry or the next resume. */
async function entryAt(chatId: ChatId, seq: number, messages: MessageStore): Promise<Entry | undefined> {
  try {
    return (await messages.read(chatId, { after: seq - 1, before: seq + 1, limit: 1, bytesMax: Number.MAX_SAFE_INTEGER, from: 'first' }))[0];
  } catch {
    return undefined;
  }
}
