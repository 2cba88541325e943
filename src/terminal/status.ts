// What stands before the line that is being typed: which chat, who is there, how far the last own message has got.
import type { Chat, UserId, UserPresence } from '../sdk/parley.ts';
import { type Paint, tickMark } from './format.ts';
import type { Names } from './names.ts';

export interface Shown {
  readonly open: { readonly chat: Chat; readonly name: string; readonly ownSeq: number } | undefined;
  readonly offline: boolean;
  readonly names: Names;
  readonly paint: Paint;
  readonly presenceOf: (userId: UserId) => UserPresence | undefined;
}

export function statusText({ open, offline, names, paint, presenceOf }: Shown): string {
  if (open === undefined) return offline ? 'no connection ' : '';
  const { chat, name, ownSeq } = open;
  const typists = chat.typists.map((userId) => names.known(userId)).join(', ');
  const online = chat.kind === 'direct' && chat.peer !== null && presenceOf(chat.peer)?.online === true ? paint('green', ' online') : '';
  const waiting = chat.pending.some(({ sentSeq }) => sentSeq === null);
  const mark = waiting ? ` ${tickMark('waiting', paint)}` : ownSeq > 0 ? ` ${tickMark(chat.tick(ownSeq), paint)}` : '';
  return `${paint('bold', name)}${offline ? ' no connection' : online}${typists === '' ? '' : paint('dim', ` ${typists} typing…`)}${mark} `;
}
