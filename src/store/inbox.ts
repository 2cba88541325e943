// Which chats a user is in, and how far each stands: what a resync reads.
import type { ChatId, UserId } from '../structures/ids.ts';

export interface InboxRow {
  readonly chatId: ChatId;
  /** The last seq that the user may see: the chat's last, or the one at which the user left. Ahead of the log is harmless, behind an acknowledged entry impossible. */
  readonly head: number;
  /** False until the chat has confirmed the membership that was announced. */
  readonly confirmed: boolean;
  /** Whether the user is a member now. */
  readonly member: boolean;
  /** Whether the chat is large: pushed by audience, not by user. */
  readonly large: boolean;
  readonly receiptsVersion: number;
  /** This user's own read watermark. */
  readonly read: number;
}

/** What an append changes for one member. */
export interface InboxChange {
  readonly userId: UserId;
  readonly chatId: ChatId;
  readonly head: number;
  readonly member: boolean;
  readonly large: boolean;
}

/** What is known of a chat, and of one user's reading in it, without asking a store: all that is acknowledged is in it. */
export interface Known {
  readonly lastSeq: number;
  readonly receiptsVersion: number;
  readonly read: number;
}

/** Contract: test/store/inbox.contract.ts. */
export interface Inbox {
  /** Every chat of the user, in no particular order. `known`: asked where the logs themselves answer and nobody else writes them, so that they need not be read; undefined for a chat of which nothing is. */
  rows(userId: UserId, known?: (chatId: ChatId) => Known | undefined): Promise<readonly InboxRow[]>;
  /**
   * Before the membership entry that it announces, whichever way it changes: from now on `rows` has the chat, unconfirmed until the next `raise`. Of a row that exists already
   * nothing else changes. Durable once resolved.
   */
  announce(chatId: ChatId, userIds: readonly UserId[]): Promise<void>;
  /** After the append: heads rise (never fall), memberships change, rows become confirmed. Durable once resolved. May be done twice. An older change never undoes a newer one, nor confirms. */
  raise(changes: readonly InboxChange[]): Promise<void>;
  /**
   * Whether every append to a known chat must be raised for each member (CQL: yes). Where the logs themselves answer (embedded, memory), only changes of membership and size are.
   */
  readonly wantsEveryHead: boolean;
}
