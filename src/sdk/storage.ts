// What a device keeps: its login, its place in every chat, the entries themselves and what it has yet to send.
import type { MemberRow, Role } from '../protocol/members.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';

/** Who this device is, and what it proves it with. Times are of this device's clock. */
export interface Login {
  readonly url: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly handle: string;
  readonly accessToken: string;
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
}

/** How far this device is in one chat. */
export interface ChatPlace {
  readonly chatId: ChatId;
  /** The cursor: every entry up to it (and above `floor`) that this user may see is kept here. */
  readonly seq: number;
  /** The highest seq heard of. */
  readonly heard: number;
  /** Entries up to this one are not kept here; the server has them. */
  readonly floor: number;
  /** Countable entries up to the cursor; null until an entry has told. */
  readonly countable: number | null;
  /** Of the last entry. */
  readonly atMs: number;
  /** The highest number of this device that the chat is known to have accepted. */
  readonly accepted: number;
  /** The highest seq that did not come from this device: what `delivered` is about. */
  readonly fromOthers: number;
  /** This user's read watermark. */
  readonly read: number;
  /** Countable entries up to `read`; null while that entry is not here. */
  readonly readCountable: number | null;
  /** Countable entries of this user itself after `read`. */
  readonly ownAfterRead: number;
  /** What the server has been told. */
  readonly deliveredTold: number;
  readonly readTold: number;
  /** Empty for a direct chat, or while unknown. */
  readonly title: string;
  /** The other user of a direct chat, once known. */
  readonly peer: UserId | null;
  readonly member: boolean;
}

/** Who is in a chat and how far each has got, as of `seq`. */
export interface Roster {
  readonly chatId: ChatId;
  readonly seq: number;
  readonly receiptsVersion: number;
  readonly members: readonly MemberRow[];
}

/** What waits in the outbox, without the numbers it goes under. */
export type OutboxCommand =
  | { readonly kind: 'send'; readonly contentType: string; readonly body: Uint8Array; readonly peer: UserId | null }
  | { readonly kind: 'createGroup'; readonly title: string; readonly userIds: readonly UserId[] }
  | { readonly kind: 'addMembers'; readonly userIds: readonly UserId[] }
  | { readonly kind: 'removeMember'; readonly userId: UserId }
  | { readonly kind: 'leaveChat' }
  | { readonly kind: 'setRole'; readonly userId: UserId; readonly role: Role };

export interface OutboxItem {
  /** Its place in the outbox, for good. Rising. */
  readonly key: number;
  /** The send number that it goes under now; another one after a refusal that asks for it. */
  readonly number: number;
  /** Null for a group that has yet to be made. */
  readonly chatId: ChatId | null;
  readonly command: OutboxCommand;
  /** When it was written, by this device's idea of the server's clock. */
  readonly atMs: number;
  /** Where the server has put it; it stays here until its entry has been pulled. Null while unanswered. */
  readonly sentSeq: number | null;
}

/** One thing to change. Those of one `write` happen all or none, in their order. */
export type Change =
  | { readonly kind: 'login'; readonly login: Login | null }
  /** The server has another history: entries, places and rosters go, the outbox stays. */
  | { readonly kind: 'newHistory'; readonly incarnation: string }
  | { readonly kind: 'place'; readonly place: ChatPlace }
  | { readonly kind: 'roster'; readonly roster: Roster }
  | { readonly kind: 'entry'; readonly entry: Entry }
  /** Entries of the chat with a seq above `after` and up to `upTo` go. */
  | { readonly kind: 'trim'; readonly chatId: ChatId; readonly after: number; readonly upTo: number }
  /** By its key, in place of a former one. */
  | { readonly kind: 'outbox'; readonly item: OutboxItem }
  | { readonly kind: 'outboxDone'; readonly key: number }
  | { readonly kind: 'lastNumber'; readonly number: number };

/** Everything but the entries. */
export interface Kept {
  readonly login: Login | null;
  /** Empty before the first connection. */
  readonly incarnation: string;
  readonly lastNumber: number;
  readonly places: readonly ChatPlace[];
  readonly rosters: readonly Roster[];
  /** Ascending by key. */
  readonly outbox: readonly OutboxItem[];
}

export interface EntryRange {
  /** Above this seq … */
  readonly after: number;
  /** … and below this one. */
  readonly before: number;
  readonly limit: number;
  /** `last`: the newest of the range. The answer ascends either way. */
  readonly from: 'first' | 'last';
}

/** Contract: test/sdk/storage.contract.ts. */
export interface DeviceStorage {
  /** Entries kept per chat; older ones are let go and fetched from the server when asked for. Infinity: all. */
  readonly entriesPerChatMax: number;
  /** First of all, once. Takes the exclusive lock; rejects with StorageInUse when another tab or process holds it: two with one outbox would give one number twice. */
  open(): Promise<Kept>;
  /** All or nothing; later writes never overtake earlier ones. With `sync` it survives the machine's crash once resolved, else the process's. */
  write(changes: readonly Change[], options: { readonly sync: boolean }): Promise<void>;
  entries(chatId: ChatId, range: EntryRange): Promise<readonly Entry[]>;
  /** Finishes what is under way and lets go of the lock. */
  close(): Promise<void>;
}

/** Another tab or process works with this storage. */
export class StorageInUse extends Error {}

/** The storage was closed, or its process is thought dead. */
export class StorageClosed extends Error {}
