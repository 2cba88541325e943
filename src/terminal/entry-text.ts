// What an entry of a log says to a person.
import { decodeMembersBody } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { Tick } from '../sdk/parley.ts';
import { type Paint, plain, tickMark, timeOf } from './format.ts';
import type { Names } from './names.ts';

export interface EntryTexts {
  readonly names: Names;
  readonly paint: Paint;
  /** Of an own message. */
  readonly tickOf: (seq: number) => Tick;
  readonly mine: (entry: Entry) => boolean;
}

export async function entryText(entry: Entry, { names, paint, tickOf, mine }: EntryTexts): Promise<string> {
  const [author] = await names.of(entry.author);
  const time = paint('dim', timeOf(entry.atMs));
  if (entry.entryKind !== entryKinds.message) return `${time} ${paint('dim', `* ${await changeText(entry, author as string, names)}`)}`;
  const text = contentText(entry);
  return mine(entry) ? `${time} ${paint('cyan', 'you')}: ${text} ${tickMark(tickOf(entry.seq), paint)}` : `${time} ${paint('bold', author as string)}: ${text}`;
}

export function contentText({ contentType, body }: Pick<Entry, 'contentType' | 'body'>): string {
  return contentType === 'text/plain' ? plain(new TextDecoder().decode(body)) : `[${plain(contentType)}, ${body.byteLength} bytes]`;
}

async function changeText(entry: Entry, author: string, names: Names): Promise<string> {
  const body = decodeMembersBody(entry.body);
  const who = (await names.of(...(body?.members ?? []).map(([userId]) => userId))).join(', ');
  switch (entry.entryKind) {
    case entryKinds.created:
      return body?.title ? `${author} made the group ${plain(body.title)} with ${who}` : 'the chat begins';
    case entryKinds.added:
      return `${author} added ${who}`;
    case entryKinds.removed:
      return `${author} removed ${who}`;
    case entryKinds.left:
      return `${who} left`;
    case entryKinds.roleSet:
      return `${who}: now ${body?.members.map(([, role]) => role).join(', ')}`;
    case entryKinds.grown:
      return 'the group has grown large';
    default:
      return `something that this version does not know (kind ${entry.entryKind})`;
  }
}
