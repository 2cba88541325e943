// Reading ranges of a log across its buckets, and noticing what a half-done append does not show yet.
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { bucketOf, entryIn, type Head, isClosed, type Logs } from './logs.cql.ts';
import type { Range } from './messages.ts';

/** How many were found from the seq on that was looked for, and where their bucket ends. */
interface Found {
  readonly count: number;
  readonly end: Pick<Head, 'bucket' | 'lastSeq'> | undefined;
}

interface Asked {
  readonly chatId: ChatId;
  readonly first: number;
  readonly last: number;
  readonly newestFirst: boolean;
  readonly wanted: Wanted;
}

export class Reading {
  readonly #logs: Logs;
  readonly #headOf: (chatId: ChatId) => Head | undefined;

  /** `headOf`: what this process knows by heart. */
  constructor(logs: Logs, headOf: (chatId: ChatId) => Head | undefined) {
    this.#logs = logs;
    this.#headOf = headOf;
  }

  async read(chatId: ChatId, range: Range): Promise<readonly Entry[]> {
    const first = Math.max(1, range.after + 1);
    const last = range.before - 1;
    if (last < first || range.limit <= 0) return [];
    const wanted = new Wanted(range);
    if (range.from === 'first') {
      await this.#walk({ chatId, first, last, newestFirst: false, wanted });
      return wanted.entries;
    }
    const known = this.#headOf(chatId)?.lastSeq ?? 0;
    const end = last <= known ? known : (await this.#logs.newest(chatId)).lastSeq;
    await this.#walk({ chatId, first, last: Math.min(last, end), newestFirst: true, wanted });
    return wanted.entries.toReversed();
  }

  async #walk(asked: Asked): Promise<void> {
    const { chatId, newestFirst, wanted } = asked;
    let { first, last } = asked;
    let serial = false;
    while (!wanted.isEnough && first <= last) {
      const { count, end } = await this.#from({ ...asked, first, last }, serial);
      if (newestFirst) last -= count;
      else first += count;
      const next = newestFirst ? last : first;
      if (count > 0) {
        serial = false;
        if (!newestFirst && end !== undefined && next > end.lastSeq && !isClosed({ ...end, tip: 0 })) return; // the log's end
      } else if (!wanted.isEnough) {
        if (end === undefined || end.lastSeq < next) return; // beyond the log's end
        // The statics of an append that is half done may be seen before its entries. A serial read finishes it.
        if (serial) throw new Error(`the log of ${chatId} has a gap at ${next}`);
        serial = true;
      }
    }
  }

  /** Those at the near end, in the bucket where they lie: nearly always the one of that seq, else what overflowed the one before. */
  async #from(asked: Asked, serial: boolean): Promise<Found> {
    const { chatId, first, last, newestFirst, wanted } = asked;
    const seq = newestFirst ? last : first;
    const bucket = bucketOf(seq);
    const found = await this.#take(asked, bucket, serial);
    if (found.count > 0 || wanted.isEnough) return found;
    const begun = await this.#logs.bucket(chatId, bucket, { serial });
    if (bucket === 0 || (begun !== undefined && begun.lastSeq < seq)) return { count: 0, end: begun };
    const before = await this.#take(asked, bucket - 1, serial);
    if (before.count > 0 || wanted.isEnough) return before;
    return { count: 0, end: begun ?? (await this.#logs.bucket(chatId, bucket - 1, { serial })) };
  }

  /** As far as it goes on without a gap and more is wanted. */
  async #take({ chatId, first, last, newestFirst, wanted }: Asked, bucket: number, serial: boolean): Promise<Found> {
    let count = 0;
    let end: Found['end'];
    for await (const rows of this.#logs.rows({ chatId, bucket, from: first, to: last, newestFirst, limit: wanted.left }, serial)) {
      for (const row of rows) {
        const entry = entryIn(chatId, row);
        if (entry.seq !== (newestFirst ? last - count : first + count)) return { count, end };
        if (!wanted.take(entry)) return { count, end };
        end = { bucket, lastSeq: Number(row['last_seq']) };
        count += 1;
      }
      if (wanted.isEnough) break;
    }
    return { count, end };
  }
}

/** Gathers entries until it has as many, or as many bytes, as were asked for. */
class Wanted {
  readonly entries: Entry[] = [];
  readonly #range: Range;
  #bytes = 0;
  #isFull = false;

  constructor(range: Range) {
    this.#range = range;
  }

  get left(): number {
    return Math.min(this.#range.limit - this.entries.length, rowsMax);
  }

  get isEnough(): boolean {
    return this.#isFull || this.entries.length >= this.#range.limit;
  }

  /** False: it would be too much. */
  take(entry: Entry): boolean {
    const bytes = this.#bytes + entry.body.byteLength;
    this.#isFull = bytes > this.#range.bytesMax && this.entries.length > 0;
    if (this.#isFull) return false;
    this.#bytes = bytes;
    this.entries.push(entry);
    return true;
  }
}

const rowsMax = 100_000; // LIMIT is a 32-bit number; nobody asks for as many
