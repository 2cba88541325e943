// A piece of the end of a log, in one buffer: its records, and where packs of them end.
import type { ChatId } from '../structures/ids.ts';
import type { Appended } from './journal-block.level.ts';
import type { Tip } from './messages.ts';
import { type Pack, packBytes } from './packs.level.ts';
import { behind, placeOf, type Records, tipAt } from './records.level.ts';

/** Beyond this a part does not grow. Many packs, so that few end before they are full; few enough bytes that a part more or less brings no full collection about. */
export const tailPartBytesMax = 1024 * 1024;

export class TailPart implements Records {
  firstSeq: number;
  lastSeq: number;
  #tip: Tip = 0;
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

  /** The records; a view that stays true while the part grows. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  get byteLength(): number {
    return this.#to - this.#from;
  }

  /** Whether so many bytes can be added. */
  hasRoom(bytes: number): boolean {
    return this.#to + bytes <= Math.max(this.#bytes.byteLength, tailPartBytesMax);
  }

  /** What begins with the next seq, where there is room for it. */
  add({ firstSeq, count, tip, from, to }: Appended, source: Buffer): void {
    const end = this.#to + to - from;
    if (end > this.#bytes.byteLength) this.#grow(end);
    source.copy(this.#bytes, this.#to, from, to);
    const start = this.#to;
    this.#to = end;
    this.lastSeq += count;
    this.#tip = tip;
    if (count === 1 || to - from < packBytes) this.#recordEnds(end, this.lastSeq, tip);
    else this.#lookForEnds(start, firstSeq);
  }

  release(): void {
    (this.#bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** Leaves out the beginning, which is not all. */
  dropUpTo(seq: number): void {
    if (seq < this.firstSeq) return;
    this.#from += placeOf(this, seq + 1);
    this.firstSeq = seq + 1;
    this.#ends.length = 0;
    this.#packFrom = this.#from;
    this.#lookForEnds(this.#from, this.firstSeq);
  }

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
    if (from < this.#to) yield { chatId, lastSeq: this.lastSeq, count: this.lastSeq - first + 1, tip: this.#tip, bytes: this.#bytes.subarray(from, this.#to) };
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(bytes + (bytes >> 1), tailPartBytesMax)));
    this.#bytes.copy(larger, 0, 0, this.#to);
    this.#bytes = larger;
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
