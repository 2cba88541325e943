// Who is in each chat and how far each has got: kept up by entries and receipts, fetched anew where something was missed.
import type { MemberRow, MembersFrame } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { Receipt } from '../protocol/receipts.ts';
import type { UserId } from '../structures/ids.ts';
import { membersOf } from './place.ts';
import type { Roster } from './storage.ts';

/** ✓, ✓✓ and ✓✓ read: whether all others who were in the chat at that entry have it, or have read it. */
export type Tick = 'sent' | 'delivered' | 'read';

/** The roster after a membership entry; the same where it says nothing new. Undefined: it has to be fetched. */
export function withEntry(roster: Roster | undefined, entry: Entry): Roster | undefined {
  const body = membersOf(entry);
  if (body === undefined || (roster !== undefined && entry.seq <= roster.seq)) return roster;
  const { chatId, seq } = entry;
  const listed = new Set(body.members.map(([userId]) => userId));
  const others = (roster?.members ?? []).filter(({ userId }) => !listed.has(userId));
  switch (entry.entryKind) {
    case entryKinds.created:
    case entryKinds.added: {
      const former = entry.entryKind === entryKinds.created ? { chatId, seq, receiptsVersion: 0, members: [] } : roster;
      // Who comes in has read what stood before.
      const came = body.members.map(([userId, role]): MemberRow => ({ userId, role, joinedSeq: seq, delivered: seq, read: seq }));
      return former && { ...former, seq, receiptsVersion: former.receiptsVersion + 2 * seq * came.length, members: [...others, ...came] };
    }
    case entryKinds.removed:
    case entryKinds.left:
      return roster && { ...roster, seq, members: others };
    case entryKinds.roleSet: {
      const roles = new Map(body.members);
      return roster && { ...roster, seq, members: roster.members.map((row) => ({ ...row, role: roles.get(row.userId) ?? row.role })) };
    }
    default:
      return roster;
  }
}

/**
 * The roster with a user's watermarks raised. The version is the sum of all watermarks, so it rises with them; a device whose sum is not the server's has missed
 * something and learns that at its next resync.
 */
export function withWatermarks(roster: Roster, { userId, delivered, read }: Pick<Receipt, 'userId' | 'delivered' | 'read'>): Roster {
  const row = roster.members.find((one) => one.userId === userId);
  if (row === undefined) return roster;
  const next = raised(row, delivered, read);
  const rise = next.delivered - row.delivered + next.read - row.read;
  if (rise === 0) return roster;
  return { ...roster, receiptsVersion: roster.receiptsVersion + rise, members: roster.members.map((one) => (one === row ? next : one)) };
}

/** The server's roster, with what has come meanwhile by receipts. This user's own row is the server's: what it does not have has to be told again. */
export function adopted(former: Roster | undefined, { chatId, seq, receiptsVersion, members }: MembersFrame, me: UserId): Roster {
  let roster: Roster = { chatId, seq, receiptsVersion, members };
  for (const row of former?.members ?? []) if (row.userId !== me) roster = withWatermarks(roster, row);
  return roster;
}

export function tickOf(roster: Roster | undefined, me: UserId, seq: number): Tick {
  const others = (roster?.members ?? []).filter(({ userId, joinedSeq }) => userId !== me && joinedSeq <= seq);
  if (others.length === 0) return 'sent';
  if (others.every(({ read }) => read >= seq)) return 'read';
  return others.every(({ delivered }) => delivered >= seq) ? 'delivered' : 'sent';
}

function raised(row: MemberRow, delivered: number, read: number): MemberRow {
  return { ...row, delivered: Math.max(row.delivered, delivered, read), read: Math.max(row.read, read) };
}

export function rowOf(roster: Roster | undefined, userId: UserId): MemberRow | undefined {
  return roster?.members.find((row) => row.userId === userId);
}

export function isSmall(roster: Roster | undefined, membersMax: number): boolean {
  return roster === undefined || roster.members.length <= membersMax;
}
