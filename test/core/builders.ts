// People, chats and commands for the tests of the core: short, so that a test reads as its rule.
import { type ChatCommand, type ChatEffect, type ChatState, step } from '../../src/core/chat.ts';
import { emptyChat, type Folded } from '../../src/core/fold.ts';
import { groupIdOf } from '../../src/core/groups.ts';
import type { MemberChange } from '../../src/core/members.ts';
import { noReceipts } from '../../src/core/receipts.ts';
import type { Origin } from '../../src/core/step.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import type { Role } from '../../src/protocol/members.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

/** The hour at which the tests begin. */
export const noon = 1_700_000_000_000;

export function userOf(n: number): UserId {
  return idFrom<'user'>('u', bitsOf(n));
}

export function deviceOf(n: number): DeviceId {
  return idFrom<'device'>('d', bitsOf(n));
}

/** Person `n` on their device `m`. */
export function person(n: number, m = 1): Origin {
  return { node: 'here', userId: userOf(n), deviceId: deviceOf(n * 1_000 + m) };
}

export const ann = person(1);
export const bob = person(2);
export const eve = person(3);
export const kim = person(4);
export const annsTablet = person(1, 2);

/** A direct chat that nobody has written in. */
export function directOf(one: Origin, other: Origin): ChatState {
  return chat(directChatId(one.userId, other.userId));
}

/** A group that its owner made from a device used for nothing else, so that all numbers are free: its log holds `created` (and `grown` where there are many). */
export function chatOf(owner: Origin, ...others: readonly Origin[]): ChatState {
  return take(chat(groupOf(owner)), created(owner, others)).state;
}

export function groupOf(owner: Origin): ChatId {
  return groupIdOf(owner.userId, maker(owner).deviceId, 1);
}

export function created(owner: Origin, others: readonly Origin[], more: { readonly number?: number; readonly title?: string } = {}): ChatCommand {
  const { number = 1, title = 'the group' } = more;
  return { kind: 'create', from: maker(owner), number, after: 0, title, userIds: others.map(({ userId }) => userId) };
}

export function maker(owner: Origin): Origin {
  return { ...owner, deviceId: deviceOf(999_999) };
}

export function chat(chatId: ChatId): ChatState {
  return { ...emptyChat(chatId), receipts: noReceipts };
}

interface Sending {
  readonly number: number;
  readonly after?: number;
}

export function post(from: Origin, { number, after = 0, text = 'hello', body = textBytes(text), to = null }: Sending & PostMore): ChatCommand {
  return { kind: 'post', from, number, after, contentType: 'text/plain', body, peer: to === null ? null : to.userId };
}
interface PostMore {
  readonly text?: string;
  readonly body?: Uint8Array;
  readonly to?: Origin | null;
}

export function add(from: Origin, { number, after = 0 }: Sending, ...whom: readonly Origin[]): ChatCommand {
  return change(from, { number, after }, { kind: 'added', userIds: whom.map(({ userId }) => userId) });
}

export function remove(from: Origin, { number, after = 0 }: Sending, { userId }: Origin): ChatCommand {
  return change(from, { number, after }, { kind: 'removed', userId });
}

export function leave(from: Origin, { number, after = 0 }: Sending): ChatCommand {
  return change(from, { number, after }, { kind: 'left' });
}

export function setRole(from: Origin, { number, after = 0 }: Sending, { userId }: Origin, role: Role): ChatCommand {
  return change(from, { number, after }, { kind: 'roleSet', userId, role });
}

export function mark(from: Origin, marks: { readonly delivered?: number; readonly read?: number }): ChatCommand {
  return { kind: 'mark', from, delivered: 0, read: 0, ...marks };
}

export function pull(from: Origin, { after = 0, upTo = 0, limit = 100 } = {}): ChatCommand {
  return { kind: 'pull', from, request: 7, after, upTo, limit };
}

export function history(from: Origin, { before = 0, limit = 100 } = {}): ChatCommand {
  return { kind: 'history', from, request: 7, before, limit };
}

function change(from: Origin, { number, after = 0 }: Sending, wanted: MemberChange): ChatCommand {
  return { kind: 'change', from, number, after, change: wanted };
}

export interface Taken {
  readonly state: ChatState;
  /** Of the last command. */
  readonly effects: readonly ChatEffect[];
  /** What all of the commands appended. */
  readonly entries: readonly Entry[];
}

/** Steps the commands one after the other. */
export function take(state: ChatState, ...commands: readonly ChatCommand[]): Taken {
  return takeAt(noon, state, ...commands);
}

export function takeAt(nowMs: number, state: ChatState, ...commands: readonly ChatCommand[]): Taken {
  let taken: Taken = { state, effects: [], entries: [] };
  for (const command of commands) {
    const { state: next, effects } = step(taken.state, command, nowMs);
    taken = { state: next, effects, entries: [...taken.entries, ...effects.flatMap((effect) => (effect.kind === 'append' ? [effect.entry] : []))] };
  }
  return taken;
}

/** The effects of that kind. */
export function only<Kind extends ChatEffect['kind']>(effects: readonly ChatEffect[], kind: Kind): Extract<ChatEffect, { kind: Kind }>[] {
  return effects.filter((effect): effect is Extract<ChatEffect, { kind: Kind }> => effect.kind === kind);
}

/** Why the last command was refused; undefined if it was not. */
export function whyRefused({ effects }: { readonly effects: readonly ChatEffect[] }): string | undefined {
  return only(effects, 'refused')[0]?.why;
}

/** The seq that the last command was given, at first or again; undefined if it was refused. */
export function seqOf({ effects }: { readonly effects: readonly ChatEffect[] }): number | undefined {
  return only(effects, 'sent')[0]?.seq ?? only(effects, 'resent')[0]?.seq;
}

/** What of a state is a fold of the log. */
export function foldOf({ chatId, seq, countable, atMs, title, members, resends, grownAtMs }: ChatState): Folded {
  return { chatId, seq, countable, atMs, title, members, resends, grownAtMs };
}

export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function bitsOf(n: number): Uint8Array {
  const bits = new Uint8Array(15);
  const view = new DataView(bits.buffer);
  view.setUint32(0, Math.imul(n, 0x9e37_79b1) >>> 0); // spread over the letters that buckets look at
  view.setUint32(11, n);
  return bits;
}
