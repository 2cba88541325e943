// Who was seen last when. May be lost.
import type { UserId } from '../structures/ids.ts';

export interface LastSeen {
  readonly userId: UserId;
  readonly online: boolean;
  readonly lastSeenMs: number;
}

/** As it is found. */
export interface Found extends LastSeen {
  /** The nodes that have the user; left out where the store is told by one node alone, and knows nothing of others. */
  readonly nodes?: readonly string[];
}

/** Contract: test/store/presence.contract.ts. */
export interface PresenceStore {
  put(seen: LastSeen): Promise<void>;
  get(userId: UserId): Promise<Found | undefined>;
}
