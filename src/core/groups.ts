// Making a group and changing who is in it: commands that become membership entries of the log.
import { sha256 } from '@noble/hashes/sha2.js';
import { limits } from '../protocol/limits.ts';
import { membersContentType, type Role } from '../protocol/members.ts';
import { type Entry, type EntryKind, entryKinds } from '../protocol/messages.ts';
import { type ChatId, type DeviceId, idFrom, isDirect, type UserId } from '../structures/ids.ts';
import { append, type ChatEffect, type ChatState, type ChatStep, type InboxLine, judge, judgeStay, type NewEntry, type Numbered, refuse } from './chat.ts';
import * as members from './members.ts';
import { type Origin, unreachable } from './step.ts';

/** A group's id: drawn from who makes it and under which number, so that making it again makes the same one. */
export function groupIdOf(userId: UserId, deviceId: DeviceId, number: number): ChatId {
  return idFrom<'chat'>('g', sha256(new TextEncoder().encode(`${userId}\0${deviceId}\0${number}`)));
}

/** Up to this many members a message is pushed to each; above, to one audience a node. A chat that has grown stays large. */
export const smallMembersMax = 32;

/** The id of a group comes from its creator's device and number, so a resend finds the group that the first one made. */
export function create(state: ChatState, command: Numbered & { readonly title: string; readonly userIds: readonly UserId[] }, nowMs: number): ChatStep {
  const stopped = judge(state, command, nowMs);
  if (stopped !== undefined) return stopped;
  const { from, number, title, userIds } = command;
  if (state.seq > 0) return refuse(state, from, number, 'invalid');
  const others = [...new Set(userIds)].filter((userId) => userId !== from.userId);
  if (others.length >= limits.groupMembersMax) return refuse(state, from, number, 'groupFull');
  const rows: [UserId, Role][] = [[from.userId, 'owner'], ...others.map((userId): [UserId, Role] => [userId, 'member'])];
  return append(state, grown(state, [aboutMembers(entryKinds.created, from, number, title, rows)], rows.length), nowMs);
}

export function change(state: ChatState, command: Numbered & { readonly change: members.MemberChange }, nowMs: number): ChatStep {
  const stopped = judge(state, command, nowMs) ?? judgeStay(state, command, nowMs);
  if (stopped !== undefined) return stopped;
  const { from, number, change: wanted } = command;
  if (isDirect(state.chatId) || !members.may(state.members, from.userId, wanted)) return refuse(state, from, number, 'forbidden');
  return changed(state, from, number, wanted, nowMs);
}

function changed(state: ChatState, from: Origin, number: number, wanted: members.MemberChange, nowMs: number): ChatStep {
  switch (wanted.kind) {
    case 'added': {
      const fresh = [...new Set(wanted.userIds)].filter((userId) => !members.isMember(state.members, userId));
      const count = state.members.present.length + fresh.length;
      if (count > limits.groupMembersMax) return refuse(state, from, number, 'groupFull');
      const rows = fresh.map((userId): [UserId, Role] => [userId, 'member']);
      return append(state, grown(state, [aboutMembers(entryKinds.added, from, number, '', rows)], count), nowMs);
    }
    case 'removed':
      if (wanted.userId === from.userId || !members.isMember(state.members, wanted.userId)) return refuse(state, from, number, 'invalid');
      return append(state, [aboutMembers(entryKinds.removed, from, number, '', [[wanted.userId, 'member']])], nowMs);
    case 'left': {
      const heir = members.heirOf(state.members, from.userId);
      const gone = aboutMembers(entryKinds.left, from, number, '', [[from.userId, 'member']]);
      return append(state, heir === undefined ? [gone] : [aboutMembers(entryKinds.roleSet, from, 0, '', [[heir, 'owner']]), gone], nowMs);
    }
    case 'roleSet': {
      const lastOwner = wanted.userId === from.userId && state.members.present.filter((userId) => members.roleOf(state.members, userId) === 'owner').length === 1;
      if (!members.isMember(state.members, wanted.userId) || (lastOwner && wanted.role !== 'owner')) return refuse(state, from, number, 'invalid');
      return append(state, [aboutMembers(entryKinds.roleSet, from, number, '', [[wanted.userId, wanted.role]])], nowMs);
    }
    default:
      return unreachable(wanted);
  }
}

/** Who beside the present members hears of that entry by name: those whom it lets in or out. */
export function concerned(before: members.Members, after: members.Members, entry: Entry): readonly UserId[] {
  if (entry.entryKind === entryKinds.roleSet) return [];
  return entry.entryKind === entryKinds.created || entry.entryKind === entryKinds.added
    ? after.present.filter((userId) => !members.isMember(before, userId))
    : before.present.filter((userId) => !members.isMember(after, userId));
}

/** What the step from `before` to `after` changes in inboxes. */
export function follow(before: ChatState, after: ChatState): ChatEffect {
  const grew = after.grownAtMs !== before.grownAtMs;
  const came = after.members.present.filter((userId) => !members.isMember(before.members, userId));
  const went = before.members.present.filter((userId) => !members.isMember(after.members, userId));
  // Once it has grown, nobody raises heads any more: whoever has not heard of that by then must be in doubt, and ask.
  const concernedNow = [...(grew ? after.members.present : came), ...went];
  return { kind: 'follow', announce: concernedNow, lines: concernedNow.map((userId) => lineOf(after, userId)) };
}

export function lineOf(state: ChatState, userId: UserId): InboxLine {
  const stays = members.staysOf(state.members, userId);
  return { userId, chatId: state.chatId, head: members.visibleHead(stays, state.seq), member: members.isMember(state.members, userId), large: state.grownAtMs > 0 };
}

function aboutMembers(entryKind: EntryKind, author: Origin, number: number, title: string, rows: readonly [UserId, Role][]): NewEntry {
  return { entryKind, author, number, contentType: membersContentType, body: members.bodyOf(title, rows) };
}

/** Adds the entry that makes the chat large, where `count` members are too many for a small one. */
function grown(state: ChatState, entries: readonly NewEntry[], count: number): readonly NewEntry[] {
  if (state.grownAtMs > 0 || count <= smallMembersMax) return entries;
  const { author } = entries[0] as NewEntry;
  return [{ entryKind: entryKinds.grown, author, number: 0, contentType: membersContentType, body: members.bodyOf('', []) }, ...entries].sort(
    (one, other) => rank(one) - rank(other),
  );
}

/** A log begins with `created`; an existing chat grows before it takes the members in. */
function rank({ entryKind }: NewEntry): number {
  return entryKind === entryKinds.created ? 0 : entryKind === entryKinds.grown ? 1 : 2;
}
