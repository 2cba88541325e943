// The `pushed` frames that the members of a chat got last. All of them get the same bytes: the first to come to a frame reads its entries, the others compare.
import { lastHead, readHead } from './entry-head.ts';
import { eachRow, firstRowAt } from './rows.ts';

/** Numbers of an entry in `heads`. */
export const headPlaces = 3;
/** Where an entry of a `pushed` frame has its seq: behind the array and the chat id (1 + 21). */
export const rowSeqAt = 23;
const seqBytesMax = 5;
const entriesAtFirst = 16;
/** As many as may wait in the sockets: one member reads all of its own before the next one does. */
const keptMax = 64;

/** A frame of measured messages only. */
export class PushedFrame {
  /** Of the entries in it. */
  count = 0;
  /** Of each entry its seq, sender and counter (see entry-head.ts). */
  heads = new Uint32Array(entriesAtFirst * headPlaces);
  /** And when it was due. */
  duesMs = new Float64Array(entriesAtFirst);
  #bytes = Buffer.alloc(0);
  #size = 0;

  is(bytes: Buffer, start: number, end: number): boolean {
    return end - start === this.#size && bytes.compare(this.#bytes, 0, this.#size, start, end) === 0;
  }

  /** False when it is of another form, or not all of its entries are measured messages: then this is no frame at all. Throws FramingBroken. */
  read(bytes: Buffer, view: DataView, start: number, end: number, bodyBytes: number): boolean {
    this.count = this.#size = 0;
    let whole = true;
    const known = eachRow(bytes, start, end, (from, to) => {
      if (readHead(bytes, view, from + rowSeqAt, to, bodyBytes)) this.#add();
      else whole = false;
    });
    if (!known || !whole) return false;
    const size = end - start;
    if (this.#bytes.byteLength < size) this.#bytes = Buffer.allocUnsafeSlow(2 * size);
    bytes.copy(this.#bytes, 0, start, end);
    this.#size = size;
    return true;
  }

  #add(): void {
    if (this.count === this.duesMs.length) this.#grow();
    const at = this.count * headPlaces;
    this.heads[at] = lastHead.seq;
    this.heads[at + 1] = lastHead.sender;
    this.heads[at + 2] = lastHead.counter;
    this.duesMs[this.count] = lastHead.dueMs;
    this.count += 1;
  }

  #grow(): void {
    const { heads, duesMs } = this;
    this.heads = new Uint32Array(2 * heads.length);
    this.heads.set(heads);
    this.duesMs = new Float64Array(2 * duesMs.length);
    this.duesMs.set(duesMs);
  }
}

export class PushedFrames {
  readonly #bodyBytes: number;
  readonly #kept = new Map<number, PushedFrame>(); // by what tells them apart at a glance; the oldest first

  constructor(bodyBytes: number) {
    this.#bodyBytes = bodyBytes;
  }

  /** What the frame says, valid until the next call; undefined when each entry is for the caller to read (see PushedFrame). Throws FramingBroken. */
  read(bytes: Buffer, view: DataView, start: number, end: number): PushedFrame | undefined {
    const key = keyOf(bytes, start, end);
    const known = this.#kept.get(key);
    if (known?.is(bytes, start, end)) return known;
    const frame = known ?? this.#oldest() ?? new PushedFrame();
    this.#kept.delete(key);
    if (!frame.read(bytes, view, start, end, this.#bodyBytes)) return undefined;
    this.#kept.set(key, frame);
    return frame;
  }

  /** To be written over, once there are as many as are kept. */
  #oldest(): PushedFrame | undefined {
    if (this.#kept.size < keptMax) return undefined;
    const [key, frame] = this.#kept.entries().next().value as [number, PushedFrame];
    this.#kept.delete(key);
    return frame;
  }
}

/** The bytes of the first entry's seq, and a few more where it is short. */
function keyOf(bytes: Buffer, start: number, end: number): number {
  const at = firstRowAt(bytes, start) + rowSeqAt;
  let key = 0;
  for (let next = at; next < at + seqBytesMax && next < end; next += 1) key = key * 256 + (bytes[next] as number);
  return key;
}
