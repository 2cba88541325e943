// Who has an account.
import type { UserId } from '../structures/ids.ts';

export interface User {
  readonly userId: UserId;
  /** Lower case, 3–32 of a–z, 0–9, `.`, `_`, `-`; unique. */
  readonly handle: string;
  readonly name: string;
  /** argon2id, in its own encoded form. */
  readonly passwordHash: string;
  readonly createdAtMs: number;
}

/** Contract: test/store/users.contract.ts. */
export interface UserStore {
  /** False when the handle is taken: exactly one of two that race gets it. Durable once resolved. */
  create(user: User): Promise<boolean>;
  byHandle(handle: string): Promise<User | undefined>;
  byId(userId: UserId): Promise<User | undefined>;
  /** Those that exist, in no particular order. */
  existing(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>;
}
