// The rules of one chat: who may speak, in what order messages stand, who must hear them.
import { directChatId } from '../protocol/direct.ts';
import type { Why } from '../protocol/errors.ts';
import { limits, numbersPerMs } from '../protocol/limits.ts';
import { type MembersFrame, membersContentType, type Role } from '../protocol/members.ts';
import { type Entry, type EntryKind, entryKinds } from '../protocol/messages.ts';
import { type ChatId, type DeviceId, isDirect, type UserId } from '../structures/ids.ts';
import { apply, type Folded } from './fold.ts';
import * as groups from './groups.ts';
import * as members from './members.ts';
import * as pulls from './pulls.ts';
import * as receipts from './receipts.ts';
import * as resends from './resends.ts';
import { type Origin, type Step, unreachable } from './step.ts';

export interface ChatState extends Folded {
  /** Not of the log: merged by max, kept beside it. */
  readonly receipts: receipts.Receipts;
}

/** What every command that makes an entry carries. */
export interface Numbered {
  readonly from: Origin;
  readonly number: number;
  readonly after: number;
}
export interface Post extends Numbered {
  readonly kind: 'post';
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly peer: UserId | null;
}
export type ChatCommand =
  | Post
  | (Numbered & { readonly kind: 'create'; readonly title: string; readonly userIds: readonly UserId[] })
  | (Numbered & { readonly kind: 'change'; readonly change: members.MemberChange })
  | { readonly kind: 'pull'; readonly from: Origin; readonly request: number; readonly after: number; readonly upTo: number; readonly limit: number }
  | { readonly kind: 'history'; readonly from: Origin; readonly request: number; readonly before: number; readonly limit: number }
  | { readonly kind: 'getMembers'; readonly from: Origin; readonly request: number }
  | { readonly kind: 'mark'; readonly from: Origin; readonly delivered: number; readonly read: number }
  | { readonly kind: 'typing'; readonly from: Origin; readonly on: boolean }
  /** A session found an announced but unconfirmed membership in its inbox. */
  | { readonly kind: 'confirm'; readonly userId: UserId }
  /** A node's audience asks who of its users is a member, and from where on it will be pushed to. */
  | { readonly kind: 'enroll'; readonly node: string; readonly userIds: readonly UserId[]; readonly upTo: number }
  /** A node's audience missed pushes. */
  | { readonly kind: 'repair'; readonly node: string; readonly after: number; readonly upTo: number };

/** A line of a member's inbox, as core sees it. */
export interface InboxLine {
  readonly userId: UserId;
  readonly chatId: ChatId;
  readonly head: number;
  readonly member: boolean;
  readonly large: boolean;
}

export type ChatEffect =
  /** Durable before any later effect leaves, as are the three that follow it here. */
  | { readonly kind: 'append'; readonly entry: Entry }
  /** The tip is checked against the store: what the device will act on for good must not come from a former owner. */
  | { readonly kind: 'check' }
  | { readonly kind: 'raise'; readonly userId: UserId; readonly delivered: number; readonly read: number; readonly version: number }
  /** Inboxes: announced before the append, raised after it. */
  | { readonly kind: 'follow'; readonly announce: readonly UserId[]; readonly lines: readonly InboxLine[] }
  | { readonly kind: 'sent'; readonly to: Origin; readonly number: number; readonly chatId: ChatId; readonly seq: number; readonly atMs: number }
  /** A resend: answered as the first time, once everything that had to follow that entry is certain. */
  | { readonly kind: 'resent'; readonly to: Origin; readonly number: number; readonly seq: number; readonly state: ChatState }
  | { readonly kind: 'refused'; readonly to: Origin; readonly request: number; readonly why: Why; readonly highest: number | undefined }
  | { readonly kind: 'push'; readonly entry: Entry; readonly to: readonly UserId[]; readonly also: readonly UserId[]; readonly grownAtMs: number }
  | pulls.ReadLog
  | { readonly kind: 'tell'; readonly to: Origin; readonly frame: MembersFrame }
  | { readonly kind: 'receipt'; readonly userId: UserId; readonly deviceId: DeviceId; readonly mark: receipts.Watermark; readonly version: number; readonly to: readonly UserId[] }
  | { readonly kind: 'typing'; readonly from: Origin; readonly on: boolean; readonly to: readonly UserId[] }
  /** While the membership was in doubt that user's devices were told nothing of the chat. */
  | { readonly kind: 'remind'; readonly userId: UserId; readonly state: ChatState }
  | { readonly kind: 'enrolled'; readonly node: string; readonly seq: number; readonly asked: readonly UserId[]; readonly userIds: readonly UserId[] };

export type ChatStep = Step<ChatState, ChatEffect>;

export function step(state: ChatState, command: ChatCommand, nowMs: number): ChatStep {
  switch (command.kind) {
    case 'post':
      return post(state, command, nowMs);
    case 'create':
      return groups.create(state, command, nowMs);
    case 'change':
      return groups.change(state, command, nowMs);
    case 'pull':
    case 'history':
      return pulls.pull(state, command);
    case 'getMembers':
      return tellMembers(state, command.from, command.request);
    case 'mark':
      return mark(state, command.from, command);
    case 'typing':
      return typing(state, command.from, command.on);
    case 'confirm':
      return confirm(state, command.userId);
    case 'enroll':
      return { state, effects: pulls.checked(state, command.upTo, enrolled(state, command.node, command.userIds)) };
    case 'repair':
      return pulls.repair(state, command);
    default:
      return unreachable(command);
  }
}

function post(state: ChatState, command: Post, nowMs: number): ChatStep {
  const stopped = judge(state, command, nowMs);
  if (stopped !== undefined) return stopped;
  const { from, number, body, peer } = command;
  // Before anything that depends on whether the chat exists: a stranger must not learn it.
  if (peer !== null && isDirect(state.chatId) && !isPeer(state, from.userId, peer)) return refuse(state, from, number, 'wrongPeer');
  if (state.seq === 0) return postFirst(state, command, nowMs);
  const unheard = judgeStay(state, command, nowMs);
  if (unheard !== undefined) return unheard;
  if (body.byteLength > limits.bodyBytesMax) return refuse(state, from, number, 'bodyTooBig');
  return appendMessage(state, command, nowMs);
}

/** What most commands come to; the same as `append` of this one entry, without its generality. */
function appendMessage(state: ChatState, { from, number, contentType, body }: Post, nowMs: number): ChatStep {
  const { chatId, members: to, grownAtMs } = state;
  const seq = state.seq + 1;
  const atMs = Math.max(nowMs, state.atMs);
  const entry: Entry = { chatId, seq, entryKind: entryKinds.message, author: from.userId, device: from.deviceId, number, countable: state.countable + 1, atMs, contentType, body };
  const effects: ChatEffect[] = [
    { kind: 'append', entry },
    { kind: 'push', entry, to: to.present, also: noOne, grownAtMs },
    { kind: 'sent', to: from, number, chatId, seq, atMs },
  ];
  return { state: apply(state, entry), effects };
}

/** Whether the direct chat is the one of the two. Its members say so once it exists; before, its id must. */
function isPeer({ chatId, members: { byUser, present } }: ChatState, userId: UserId, peer: UserId): boolean {
  if (present.length === 2 && ((present[0] === userId && present[1] === peer) || (present[0] === peer && present[1] === userId))) return true;
  return (byUser.has(userId) && byUser.has(peer) && (userId !== peer || byUser.size === 1)) || directChatId(userId, peer) === chatId;
}

/** The first message of a direct chat makes the chat: its id must be the one of the pair, so nobody else can squat on it. */
function postFirst(state: ChatState, { from, number, contentType, body, peer }: Post, nowMs: number): ChatStep {
  if (!isDirect(state.chatId) || peer === null) return refuse(state, from, number, 'noSuchChat');
  if (body.byteLength > limits.bodyBytesMax) return refuse(state, from, number, 'bodyTooBig');
  const pair: [UserId, Role][] =
    from.userId === peer
      ? [[peer, 'member']]
      : [
          [from.userId, 'member'],
          [peer, 'member'],
        ];
  const created = { entryKind: entryKinds.created, author: from, number: 0, contentType: membersContentType, body: members.bodyOf('', pair) };
  return append(state, [created, { entryKind: entryKinds.message, author: from, number, contentType, body }], nowMs);
}

/**
 * Whether the numbered command has to stop here: it is a resend, or its number cannot be taken.
 * Before any rule about who may: what is stored is never reported as refused.
 */
export function judge(state: ChatState, { from, number, after }: Numbered, nowMs: number): ChatStep | undefined {
  if (number === 0) return refuse(state, from, number, 'invalid');
  const judged = resends.judge(state.resends, from.deviceId, number, after);
  if (judged.kind === 'known') return { state, effects: [{ kind: 'resent', to: from, number, seq: judged.seq, state }] };
  if (judged.kind === 'outOfOrder') return refuse(state, from, number, 'outOfOrder', judged.highest);
  if (judged.kind !== 'fresh') return refuse(state, from, number, judged.kind);
  if (number > (nowMs + limits.clockAheadMsMax) * numbersPerMs) return refuse(state, from, number, 'clockOff');
  return undefined;
}

/**
 * Refuses who is not in, and what they wrote before they were let in again: they may have been told that it is refused, while another copy of it was still on its way.
 * The number says when that was. The next one has to be above `highest`, for the device's clock may be behind the chat's.
 */
export function judgeStay(state: ChatState, { from, number }: Numbered, nowMs: number): ChatStep | undefined {
  if (members.isPlainMember(state.members, from.userId)) return undefined;
  const member = members.presentOf(state.members, from.userId);
  if (member === undefined) return refuse(state, from, number, members.everWas(state.members, from.userId) ? 'notAMember' : 'noSuchChat');
  if (member.rejoinedAtMs === 0) return undefined;
  // Where the chat's clock was once far ahead: a number above it has to be one that is taken.
  const highest = Math.min(member.rejoinedAtMs, nowMs + limits.clockAheadMsMax / 2) * numbersPerMs;
  return number > highest ? undefined : refuse(state, from, number, 'numberPassed', highest);
}

/** What a device gives up or renumbers for ever on. */
const forGood: ReadonlySet<Why> = new Set<Why>(['notAMember', 'noSuchChat', 'forbidden', 'numberPassed', 'settled', 'outOfOrder']);

export function refuse(state: ChatState, to: Origin, request: number, why: Why, highest?: number): ChatStep {
  const refusal: ChatEffect = { kind: 'refused', to, request, why, highest };
  return { state, effects: forGood.has(why) ? [{ kind: 'check' }, refusal] : [refusal] };
}

export interface NewEntry {
  readonly entryKind: EntryKind;
  readonly author: { readonly userId: UserId; readonly deviceId: DeviceId };
  readonly number: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Appends the entries; the last one with a number is answered to `author`. `follow` says whom it concerns beside the members. */
export function append(state: ChatState, entries: readonly NewEntry[], nowMs: number): ChatStep {
  const effects: ChatEffect[] = [];
  const answers: ChatEffect[] = [];
  let now = state;
  for (const { entryKind, author, number, contentType, body } of entries) {
    const countable = now.countable + (entryKind === entryKinds.message ? 1 : 0);
    // The chat's own clock never falls, whatever the machine's does.
    const atMs = Math.max(nowMs, now.atMs);
    const entry: Entry = { chatId: now.chatId, seq: now.seq + 1, entryKind, author: author.userId, device: author.deviceId, number, countable, atMs, contentType, body };
    const before = now.members;
    now = apply(now, entry);
    effects.push({ kind: 'append', entry });
    const also = now.members === before ? noOne : groups.concerned(before, now.members, entry);
    answers.push({ kind: 'push', entry, to: now.members.present, also, grownAtMs: now.grownAtMs });
    if (number > 0) answers.push({ kind: 'sent', to: author as Origin, number, chatId: now.chatId, seq: entry.seq, atMs });
    const came = also.filter((userId) => members.isMember(now.members, userId));
    if (came.length > 0) now = welcomed(now, came, effects);
  }
  if (now.members !== state.members || now.grownAtMs !== state.grownAtMs) effects.push(groups.follow(state, now));
  return { state: now, effects: effects.concat(answers) };
}
const noOne: readonly UserId[] = [];

/** Who comes in has read what stood before: unread counts from there. */
function welcomed(state: ChatState, userIds: readonly UserId[], effects: ChatEffect[]): ChatState {
  const next = receipts.allRaised(state.receipts, userIds, { delivered: state.seq, read: state.seq });
  for (const userId of userIds) effects.push({ kind: 'raise', userId, ...receipts.watermarkOf(next, userId), version: next.version });
  return { ...state, receipts: next };
}

function mark(state: ChatState, { userId, deviceId }: Origin, { delivered, read }: receipts.Watermark): ChatStep {
  const head = members.visibleHead(members.staysOf(state.members, userId), state.seq);
  const next = receipts.raised(state.receipts, userId, { delivered: Math.min(delivered, head), read: Math.min(read, head) });
  if (next === state.receipts) return { state, effects: [] };
  const now = receipts.watermarkOf(next, userId);
  // In a large chat everybody's receipt to everybody would be the square of its size: only the user's own devices hear.
  const to = state.grownAtMs > 0 || !members.isMember(state.members, userId) ? [userId] : state.members.present;
  return {
    state: { ...state, receipts: next },
    effects: [
      { kind: 'raise', userId, ...now, version: next.version },
      { kind: 'receipt', userId, deviceId, mark: now, version: next.version, to },
    ],
  };
}

function typing(state: ChatState, from: Origin, on: boolean): ChatStep {
  if (state.grownAtMs > 0 || !members.isMember(state.members, from.userId)) return { state, effects: [] };
  return { state, effects: [{ kind: 'typing', from, on, to: state.members.present }] };
}

function tellMembers(state: ChatState, from: Origin, request: number): ChatStep {
  if (!members.isMember(state.members, from.userId)) return refuse(state, from, request, members.everWas(state.members, from.userId) ? 'notAMember' : 'noSuchChat');
  const rows = state.members.present.map((userId) => {
    const { role, stays } = state.members.byUser.get(userId) as members.Member;
    return { userId, role, joinedSeq: stays.at(-1)?.joined ?? 0, ...receipts.watermarkOf(state.receipts, userId) };
  });
  const frame: MembersFrame = { kind: 'members', request, chatId: state.chatId, seq: state.seq, receiptsVersion: state.receipts.version, title: state.title, members: rows };
  return { state, effects: [{ kind: 'tell', to: from, frame }] };
}

function enrolled(state: ChatState, node: string, asked: readonly UserId[]): ChatEffect {
  return { kind: 'enrolled', node, seq: state.seq, asked, userIds: asked.filter((userId) => members.isMember(state.members, userId)) };
}

/** A membership that was announced but whose append may never have come: the log says. */
function confirm(state: ChatState, userId: UserId): ChatStep {
  if (!members.everWas(state.members, userId)) return { state, effects: [] };
  return { state, effects: [{ kind: 'check' }, { kind: 'follow', announce: noOne, lines: [groups.lineOf(state, userId)] }, { kind: 'remind', userId, state }] };
}
