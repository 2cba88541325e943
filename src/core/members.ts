// Who is in a chat, since and until which entry, and who may change that. A fold of the log's membership entries.
import { decodeMembersBody, encodeMembersBody, type MembersBody, membersContentType, type Role, roles } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { UserId } from '../structures/ids.ts';

/** One stay in the chat: from the entry that let the user in to the one that ended it (0: still there), both of which the user sees. */
export interface Stay {
  readonly joined: number;
  readonly left: number;
}

export interface Member {
  readonly role: Role;
  /** Ascending; the last one is the present stay, if any. */
  readonly stays: readonly Stay[];
  /** The chat's time when the last stay began, in ms; 0 for the first one. */
  readonly rejoinedAtMs: number;
}

export interface Members {
  /** Everybody who is or was in. */
  readonly byUser: ReadonlyMap<UserId, Member>;
  /** Those who are in now. */
  readonly present: readonly UserId[];
  /** Whether anybody has ever come back: in most chats nobody has, and nobody need be asked when. */
  readonly anyReturned: boolean;
}

export const nobody: Members = { byUser: new Map(), present: [], anyReturned: false };

export function isMember({ byUser }: Members, userId: UserId): boolean {
  return byUser.get(userId)?.stays.at(-1)?.left === 0;
}

/** Undefined for who is not in now. */
export function presentOf({ byUser }: Members, userId: UserId): Member | undefined {
  const member = byUser.get(userId);
  return member?.stays.at(-1)?.left === 0 ? member : undefined;
}

/** Whether the user is in and nobody has ever come back, found out in few steps: false says nothing. */
export function isPlainMember({ present, anyReturned }: Members, userId: UserId): boolean {
  return !anyReturned && present.length <= fewMax && present.includes(userId);
}
/** So many are sooner looked through than one is found in a map. */
const fewMax = 8;

export function everWas({ byUser }: Members, userId: UserId): boolean {
  return byUser.has(userId);
}

export function roleOf(members: Members, userId: UserId): Role | undefined {
  return presentOf(members, userId)?.role;
}

export function staysOf({ byUser }: Members, userId: UserId): readonly Stay[] {
  return byUser.get(userId)?.stays ?? [];
}

/** Everybody who is in now, with the seq at which they last came in. */
export function joinedSeqs({ byUser, present }: Members): [UserId, number][] {
  return present.map((userId) => [userId, byUser.get(userId)?.stays.at(-1)?.joined ?? 0]);
}

/** Whether somebody with these stays may see the entry at `seq`. */
export function sees(stays: readonly Stay[], seq: number): boolean {
  return stays.some(({ joined, left }) => joined <= seq && (left === 0 || seq <= left));
}

/** The last seq, up to `head`, that somebody with these stays may see; 0 for none. */
export function visibleHead(stays: readonly Stay[], head: number): number {
  const last = stays.at(-1);
  if (last === undefined) return 0;
  return last.left === 0 ? head : Math.min(last.left, head);
}

export type MemberChange =
  | { readonly kind: 'added'; readonly userIds: readonly UserId[] }
  | { readonly kind: 'removed'; readonly userId: UserId }
  | { readonly kind: 'left' }
  | { readonly kind: 'roleSet'; readonly userId: UserId; readonly role: Role };

/** Whether `by`, who is in, may do that. Owners may all; admins add, and remove plain members; everybody may leave. */
export function may(members: Members, by: UserId, change: MemberChange): boolean {
  const role = roleOf(members, by);
  if (role === undefined) return false;
  switch (change.kind) {
    case 'added':
      return role !== 'member';
    case 'removed':
      return role === 'owner' || (role === 'admin' && roleOf(members, change.userId) === 'member');
    case 'left':
      return true;
    case 'roleSet':
      return role === 'owner';
  }
}

/** Who becomes the owner when `leaver` goes: undefined while another owner stays or nobody does. */
export function heirOf(members: Members, leaver: UserId): UserId | undefined {
  const others = members.present.filter((userId) => userId !== leaver);
  if (roleOf(members, leaver) !== 'owner' || others.some((userId) => roleOf(members, userId) === 'owner')) return undefined;
  return others.find((userId) => roleOf(members, userId) === 'admin') ?? others[0];
}

/** The members after that entry. Entries of other kinds, and such as cannot be read, change nothing. */
export function applyEntry(members: Members, entry: Entry): Members {
  if (entry.contentType !== membersContentType) return members;
  const body = decodeMembersBody(entry.body);
  if (body === undefined) return members;
  switch (entry.entryKind) {
    case entryKinds.created:
    case entryKinds.added:
      return joined(members, body, entry);
    case entryKinds.removed:
    case entryKinds.left:
      return left(members, body, entry.seq);
    case entryKinds.roleSet:
      return rolesSet(members, body);
    default:
      return members;
  }
}

/** The body of an entry about these users. */
export function bodyOf(title: string, members: MembersBody['members']): Uint8Array {
  return encodeMembersBody({ title, members });
}

export function toPlain({ byUser, present }: Members): unknown {
  const places = new Map([...byUser.keys()].map((userId, at) => [userId, at]));
  const rows = [...byUser].map(([userId, { role, stays, rejoinedAtMs }]) => {
    const row = [userId, roles.indexOf(role), stays.flatMap((stay) => [stay.joined, stay.left])];
    return rejoinedAtMs === 0 ? row : [...row, rejoinedAtMs];
  });
  return [rows, present.map((userId) => places.get(userId))];
}

/** The last field is missing for who never came back, and in folds that were written before there was one: then nobody is held to it. */
type PlainMember = readonly [UserId, number, readonly number[], number?];

export function fromPlain(plain: unknown): Members {
  const [rows, present] = plain as [PlainMember[], number[]];
  const byUser = new Map<UserId, Member>();
  for (const [userId, role, ends, rejoinedAtMs = 0] of rows) byUser.set(userId, { role: roles[role] ?? 'member', stays: staysFrom(ends), rejoinedAtMs });
  return { byUser, present: present.map((place) => (rows[place] as PlainMember)[0]), anyReturned: rows.some(([, , , rejoinedAtMs = 0]) => rejoinedAtMs > 0) };
}

function staysFrom(ends: readonly number[]): Stay[] {
  const stays: Stay[] = [];
  for (let at = 0; at + 1 < ends.length; at += 2) stays.push({ joined: ends[at] as number, left: ends[at + 1] as number });
  return stays;
}

function joined({ byUser, present, anyReturned }: Members, { members }: MembersBody, { seq, atMs }: Entry): Members {
  const next = new Map(byUser);
  const now = [...present];
  let returned = anyReturned;
  for (const [userId, role] of members) {
    const former = next.get(userId);
    if (former?.stays.at(-1)?.left === 0) continue;
    next.set(userId, { role, stays: [...(former?.stays ?? []), { joined: seq, left: 0 }], rejoinedAtMs: former === undefined ? 0 : atMs });
    now.push(userId);
    returned ||= former !== undefined;
  }
  return { byUser: next, present: now, anyReturned: returned };
}

function left({ byUser, present, anyReturned }: Members, { members }: MembersBody, seq: number): Members {
  const next = new Map(byUser);
  const gone = new Set<UserId>();
  for (const [userId] of members) {
    const former = next.get(userId);
    const stay = former?.stays.at(-1);
    if (former === undefined || stay === undefined || stay.left !== 0) continue;
    next.set(userId, { ...former, role: 'member', stays: [...former.stays.slice(0, -1), { joined: stay.joined, left: seq }] });
    gone.add(userId);
  }
  return { byUser: next, present: present.filter((userId) => !gone.has(userId)), anyReturned };
}

function rolesSet(members: Members, { members: changes }: MembersBody): Members {
  const next = new Map(members.byUser);
  for (const [userId, role] of changes) {
    const former = next.get(userId);
    if (former !== undefined && isMember(members, userId)) next.set(userId, { ...former, role });
  }
  return { ...members, byUser: next };
}
