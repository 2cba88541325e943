// Who may see what, reckoned from a log by the plainest means: a second opinion to that of the core.
import { decodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import type { Recording } from './recording.ts';

/** Each user's stays, as [first seq seen, last seq seen]; Infinity while inside. */
export type Stays = ReadonlyMap<UserId, readonly (readonly [number, number])[]>;

export function staysIn(log: readonly Entry[]): Stays {
  const stays = new Map<UserId, [number, number][]>();
  for (const entry of log) {
    if (entry.contentType !== membersContentType) continue;
    for (const [userId] of decodeMembersBody(entry.body)?.members ?? []) {
      const own = stays.get(userId) ?? [];
      stays.set(userId, own);
      const inside = own.at(-1)?.[1] === Number.POSITIVE_INFINITY;
      if (!inside && (entry.entryKind === entryKinds.created || entry.entryKind === entryKinds.added)) own.push([entry.seq, Number.POSITIVE_INFINITY]);
      const last = own.at(-1);
      if (inside && last !== undefined && (entry.entryKind === entryKinds.removed || entry.entryKind === entryKinds.left)) last[1] = entry.seq;
    }
  }
  return stays;
}

export function sees(stays: Stays, userId: UserId, seq: number): boolean {
  return stays.get(userId)?.some(([first, last]) => first <= seq && seq <= last) ?? false;
}

/** The last seq that the user may see in a log of that length; 0: none. */
export function headFor(stays: Stays, userId: UserId, length: number): number {
  return Math.min(length, stays.get(userId)?.at(-1)?.[1] ?? 0);
}

export function presentIn(log: readonly Entry[]): UserId[] {
  return [...staysIn(log)].filter(([, own]) => own.at(-1)?.[1] === Number.POSITIVE_INFINITY).map(([userId]) => userId);
}

/**
 * How far a log has to be known. What stands at its end without an acknowledgement, from a device that never asks again, is told to nobody when its owner has died over it, until anything
 * else happens there: who sends again until there is an answer sees to that (DESIGN: no obligation dies with an owner).
 */
export function owedLength(log: readonly Entry[], recording: Recording, asksAgain: (device: DeviceId) => boolean): number {
  let length = log.length;
  for (let last = log[length - 1]; last !== undefined && !asksAgain(last.device) && !recording.isAcknowledged(last); last = log[length - 1]) length -= 1;
  return length;
}
