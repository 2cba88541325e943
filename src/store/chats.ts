// What is known of a chat beside its log: snapshots of large folds. Derived from the log, so it may be behind it, never ahead.
import type { ChatId } from '../structures/ids.ts';

export interface Snapshot {
  /** The fold is the state after this entry. */
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** Contract: test/store/chats.contract.ts. */
export interface ChatStore {
  /** The newest snapshot kept; undefined for none. Implementations page large ones. */
  snapshot(chatId: ChatId): Promise<Snapshot | undefined>;
  /** Replaces an older one; keeps what it has when that is newer. Durable at latest with the next append. */
  keepSnapshot(chatId: ChatId, snapshot: Snapshot): Promise<void>;
}
