// The ends of the logs that stand in the journal and not yet in the database: durable, and read from memory.
import type { Clock } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import type { Appended, Row } from './journal-block.level.ts';
import type { Tip } from './messages.ts';
import type { Pack } from './packs.level.ts';
import type { Records } from './records.level.ts';
import { TailPart, tailPartBytesMax } from './tail-part.level.ts';

const initialBytes = 512;
/** A quarter more than the last time: of a hundred messages one time and the next there are seldom more than that. */
const spareShift = 2;
/** A third of a millisecond, and then it rests. */
const releasedAtOnce = 1_000;
const restMs = 8;

/** The end of one log: parts, one after the other, so that a busy chat's neither has to be copied when it grows nor is looked through from its very beginning by who reads. */
export class Tail {
  firstSeq: number;
  lastSeq: number;
  tip: Tip = 0;
  fold: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
  byteLength = 0;
  readonly #parts: TailPart[] = [];
  readonly #expectedBytes: number;

  /** `expectedBytes`: how large it will about become, as far as anybody knows. */
  constructor(firstSeq: number, expectedBytes: number) {
    this.firstSeq = firstSeq;
    this.lastSeq = firstSeq - 1;
    this.#expectedBytes = expectedBytes;
  }

  /** In order, without a gap. */
  get parts(): readonly Records[] {
    return this.#parts;
  }

  add(appended: Appended, source: Buffer): void {
    const { firstSeq, count, tip, from, to, fold } = appended;
    if (firstSeq !== this.lastSeq + 1) throw new Error(`the journal has a gap: after ${this.lastSeq} comes ${firstSeq}`);
    this.#partFor(firstSeq, to - from).add(appended, source);
    this.byteLength += to - from;
    this.lastSeq += count;
    this.tip = tip;
    if (fold !== undefined) this.fold = { seq: this.lastSeq, bytes: fold };
  }

  /** Gives its memory back now; views of it have no length from here on. Nobody may read it any more. */
  release(): void {
    for (const part of this.#parts) part.release();
  }

  /** Leaves out what is in the database already. */
  dropUpTo(seq: number): void {
    if (seq < this.firstSeq) return;
    const left = this.#parts.findIndex((part) => part.lastSeq > seq);
    this.#parts.splice(0, left < 0 ? this.#parts.length : left);
    this.#parts[0]?.dropUpTo(seq);
    this.firstSeq = Math.min(seq, this.lastSeq) + 1;
    this.byteLength = this.#parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  /** Its records in packs of about 32 KB each. */
  *packs(chatId: ChatId): Generator<Pack> {
    for (const part of this.#parts) yield* part.packs(chatId);
  }

  #partFor(firstSeq: number, bytes: number): TailPart {
    const last = this.#parts.at(-1);
    if (last?.hasRoom(bytes)) return last;
    const expected = Math.max(initialBytes, this.#expectedBytes - this.byteLength, this.byteLength >> 1);
    const part = new TailPart(firstSeq, Math.max(bytes, Math.min(expected, tailPartBytesMax)));
    this.#parts.push(part);
    return part;
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

  /** `before`: what the segment before it held. Busy chats stay busy: room for as much at once, where growing would allocate a multiple of that, and every such byte brings the next full collection nearer. */
  constructor(before?: Generation) {
    this.#expected = new Map([...(before?.tails ?? [])].map(([chatId, { byteLength }]) => [chatId, byteLength + (byteLength >> spareShift)]));
  }

  append(appended: Appended, source: Buffer): void {
    this.bytes += appended.to - appended.from;
    let tail = this.tails.get(appended.chatId);
    if (tail === undefined) {
      tail = new Tail(appended.firstSeq, this.#expected.get(appended.chatId) ?? 0);
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
