// The log of every chat: the truth that everything else is derived from.
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';

/** Identity of an append: random, 53 bits, never 0. 0 is the tip of a log that has no entry. */
export type Tip = number;

export interface OpenLog {
  readonly tip: Tip;
  /** 0 for a chat that does not exist. */
  readonly lastSeq: number;
  /** A recent fold that rode with an append (see `Append.fold`), undefined where none is kept. */
  readonly fold: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
}

export interface Append {
  readonly chatId: ChatId;
  /** Dense, starting at lastSeq + 1; at least one. */
  readonly entries: readonly Entry[];
  /** The tip that the entries were built on. */
  readonly builtOn: Tip;
  /** The new tip; drawn by the caller, so that an unknown outcome can be resubmitted as it is. */
  readonly tip: Tip;
  /** The state after the last of `entries`, to be found again by `open`. Kept until a later one replaces it. */
  readonly fold: Uint8Array | undefined;
  /** The `entry` frames of `entries`, where the caller has them: a store that keeps about the same bytes need not encode anew. */
  readonly frames?: readonly Uint8Array[];
}

export interface Range {
  /** Entries with a seq above this one … */
  readonly after: number;
  /** … and below this one. */
  readonly before: number;
  readonly limit: number;
  /** Stop once the bodies read so far exceed this many bytes (at least one entry is returned). */
  readonly bytesMax: number;
  /** `last`: the newest `limit` of the range rather than the oldest. The answer ascends either way. */
  readonly from: 'first' | 'last';
}

/** Contract: test/store/messages.contract.ts. */
export interface MessageStore {
  /** The log's tip, last seq and fold. A plain read: nobody is fenced by it. Waits for appends of this process that are under way. */
  open(chatId: ChatId): Promise<OpenLog>;
  /**
   * All or nothing, durable once resolved. Extends the log only if `builtOn` still is its tip; rejects with Superseded when another wrote.
   * The same append again (same `tip`) resolves without a second entry. Resolves an unknown outcome itself; StoreFull and StoreUnavailable mean: certainly not stored.
   */
  append(append: Append): Promise<void>;
  /** Whether `tip` is still the log's: asked before a refusal that a device acts on for good. */
  stands(chatId: ChatId, tip: Tip): Promise<boolean>;
  /** Ascending by seq, whatever `from` says. */
  read(chatId: ChatId, range: Range): Promise<readonly Entry[]>;
}
