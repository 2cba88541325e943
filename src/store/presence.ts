// Who was seen last when. May be lost.
import type { UserId } from '../structures/ids.ts';

export interface LastSeen {
  readonly userId: UserId;
  readonly online: boolean;
  readonly lastSeenMs: number;
}

/** Contract: test/store/presence.contract.ts. */
export interface PresenceStore {
  put(seen: LastSeen): Promise<void>;
  get(userId: UserId): Promise<LastSeen | undefined>;
}
