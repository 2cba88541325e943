// The ends of the logs that stand in the journal and not yet in the database: durable, and read from memory.
import type { Clock } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import type { Appended, Row } from './journal-block.level.ts';
import type { Tip } from './messages.ts';
import { type Pack, packBytes } from './packs.level.ts';
import { behind, placeOf, type Records, tipAt } from './records.level.ts';

const initialBytes = 512;
/** A third of a millisecond, and then it rests. */
const releasedAtOnce = 1_000;
const restMs = 8;

/** The end of one log. */
export class Tail implements Records {
  firstSeq: number;
  lastSeq: number;
  tip: Tip = 0;
  fold: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
  #bytes: Buffer;
  #from = 0;
  #to = 0;
  /** Where packs end, with the last seq and the tip there, by turns: to look for them in all tails at once would take the event loop tens of milliseconds. */
  readonly #ends: number[] = [];
  #packFrom = 0;

  /** `bytes`: room for as many to begin with. */
  constructor(firstSeq: number, bytes: number) {
    this.firstSeq = firstSeq;
    this.lastSeq = firstSeq - 1;
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  /** The records; a view that stays true while the tail grows. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  get byteLength(): number {
    return this.#to - this.#from;
  }

  add({ firstSeq, count, tip, from, to, fold }: Appended, source: Buffer): void {
    if (firstSeq !== this.lastSeq + 1) throw new Error(`the journal has a gap: after ${this.lastSeq} comes ${firstSeq}`);
    const end = this.#to + to - from;
    if (end > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(2 * end);
      this.#bytes.copy(larger, 0, 0, this.#to);
      this.#bytes = larger;
    }
    source.copy(this.#bytes, this.#to, from, to);
    const start = this.#to;
    this.#to = end;
    this.lastSeq += count;
    this.tip = tip;
    if (count === 1 || to - from < packBytes) this.#recordEnds(end, this.lastSeq, tip);
    else this.#lookForEnds(start, firstSeq);
    if (fold !== undefined) this.fold = { seq: this.lastSeq, bytes: fold };
  }

  /** Gives its memory back now; views of it have no length from here on. Nobody may read it any more. */
  release(): void {
    (this.#bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** Leaves out what is in the database already. */
  dropUpTo(seq: number): void {
    if (seq < this.firstSeq) return;
    const first = Math.min(seq, this.lastSeq) + 1;
    this.#from += placeOf(this, first);
    this.firstSeq = first;
    this.#ends.length = 0;
    this.#packFrom = this.#from;
    this.#lookForEnds(this.#from, first);
  }

  /** These records in packs of about 32 KB each. */
  *packs(chatId: ChatId): Generator<Pack> {
    const ends = this.#ends;
    let from = this.#from;
    let first = this.firstSeq;
    for (let at = 0; at < ends.length; at += 3) {
      const [to, lastSeq, tip] = [ends[at] as number, ends[at + 1] as number, ends[at + 2] as number];
      yield { chatId, lastSeq, count: lastSeq - first + 1, tip, bytes: this.#bytes.subarray(from, to) };
      from = to;
      first = lastSeq + 1;
    }
    if (from < this.#to) yield { chatId, lastSeq: this.lastSeq, count: this.lastSeq - first + 1, tip: this.tip, bytes: this.#bytes.subarray(from, this.#to) };
  }

  /** A record, the one of `seq`, ends at `at`: there the pack may end. */
  #recordEnds(at: number, seq: number, tip: Tip): void {
    if (at - this.#packFrom < packBytes) return;
    this.#ends.push(at, seq, tip);
    this.#packFrom = at;
  }

  #lookForEnds(start: number, first: number): void {
    for (let at = start, seq = first; at < this.#to; seq += 1) {
      const tip = tipAt(this.#bytes, at);
      at = behind(this.#bytes, at);
      this.#recordEnds(at, seq, tip);
    }
  }
}

/** What one segment of the journal holds. */
export class Generation {
  readonly tails = new Map<ChatId, Tail>();
  /** The rows as they stand after it, by key. */
  readonly rows = new Map<string, Row>();
  /** Of its records. */
  bytes = 0;
  readonly #expected: ReadonlyMap<ChatId, number>;

  /** `before`: what the segment before it held. Busy chats stay busy: room for as much at once, where doubling would allocate four times that, and every such byte brings the next full collection nearer. */
  constructor(before?: Generation) {
    this.#expected = new Map([...(before?.tails ?? [])].map(([chatId, { byteLength }]) => [chatId, byteLength]));
  }

  append(appended: Appended, source: Buffer): void {
    this.bytes += appended.to - appended.from;
    let tail = this.tails.get(appended.chatId);
    if (tail === undefined) {
      tail = new Tail(appended.firstSeq, initialBytes + (this.#expected.get(appended.chatId) ?? 0));
      this.tails.set(appended.chatId, tail);
    }
    tail.add(appended, source);
  }

  /** Gives the memory of its tails back. It would otherwise wait for a full collection, and, being so much, bring the next one about. */
  release(clock: Clock, tails: readonly Tail[] = [...this.tails.values()], from = 0): void {
    const to = from + releasedAtOnce;
    for (const tail of tails.slice(from, to)) tail.release();
    if (to < tails.length) clock.after(restMs, () => this.release(clock, tails, to));
  }

  write(row: Row): void {
    this.rows.set(row.key.toString('latin1'), row);
  }

  get isEmpty(): boolean {
    return this.tails.size === 0 && this.rows.size === 0;
  }
}
