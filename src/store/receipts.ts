// How far each user has received and read in each chat.
import type { ChatId, UserId } from '../structures/ids.ts';

export interface ReceiptRow {
  readonly userId: UserId;
  readonly delivered: number;
  readonly read: number;
}

/** Contract: test/store/receipts.contract.ts. */
export interface ReceiptStore {
  /** All of the chat's rows. */
  list(chatId: ChatId): Promise<readonly ReceiptRow[]>;
  /** Merges by max. Durable once resolved. `version` rises with any receipt of the chat and is what Inbox rows show. */
  raise(chatId: ChatId, rows: readonly ReceiptRow[], version: number): Promise<void>;
}
