// How far each member has received and read. Watermarks: merged by max, so they only rise and may arrive in any order, twice or late.
import type { UserId } from '../structures/ids.ts';

export interface Watermark {
  readonly delivered: number;
  readonly read: number;
}

export interface Receipts {
  readonly byUser: ReadonlyMap<UserId, Watermark>;
  /** The sum of all watermarks: rises with any receipt, so two readers that see one number have seen the same. */
  readonly version: number;
}

export const noReceipts: Receipts = { byUser: new Map(), version: 0 };
const zero: Watermark = { delivered: 0, read: 0 };

export function watermarkOf({ byUser }: Receipts, userId: UserId): Watermark {
  return byUser.get(userId) ?? zero;
}

/** The receipts with that user's watermark raised; the same object where nothing rises. What is read has also been delivered. */
export function raised(receipts: Receipts, userId: UserId, { delivered, read }: Watermark): Receipts {
  const now = watermarkOf(receipts, userId);
  const next = { delivered: Math.max(now.delivered, delivered, read), read: Math.max(now.read, read) };
  const rise = next.delivered - now.delivered + next.read - now.read;
  if (rise === 0) return receipts;
  return { byUser: new Map(receipts.byUser).set(userId, next), version: receipts.version + rise };
}

/** The same for many users at once who stand at one mark. */
export function allRaised(receipts: Receipts, userIds: readonly UserId[], mark: Watermark): Receipts {
  const byUser = new Map(receipts.byUser);
  let { version } = receipts;
  for (const userId of userIds) {
    const now = watermarkOf(receipts, userId);
    const next = { delivered: Math.max(now.delivered, mark.delivered, mark.read), read: Math.max(now.read, mark.read) };
    version += next.delivered - now.delivered + next.read - now.read;
    byUser.set(userId, next);
  }
  return { byUser, version };
}

/** From what is kept, and from where each member came in: who comes in has read what stood before, whether that was kept or not. */
export function receiptsOf(rows: Iterable<{ readonly userId: UserId } & Watermark>, joined: Iterable<readonly [UserId, number]> = []): Receipts {
  const byUser = new Map<UserId, Watermark>();
  let version = 0;
  for (const { userId, delivered, read } of rows) {
    byUser.set(userId, { delivered, read });
    version += delivered + read;
  }
  for (const [userId, seq] of joined) {
    const { delivered, read } = byUser.get(userId) ?? zero;
    version += Math.max(0, seq - delivered) + Math.max(0, seq - read);
    byUser.set(userId, { delivered: Math.max(delivered, seq), read: Math.max(read, seq) });
  }
  return { byUser, version };
}
