// Reads MessagePack of a known shape, a value at a time, without making what the frame does not hold. Whatever is not there as expected is Malformed.
import { type IdKind, type IdOf, idLength, isId } from '../structures/ids.ts';
import { Slab } from '../structures/slab.ts';
import { RecentIds } from './recent-ids.ts';

/** The bytes are not a frame. The connection they came on is closed with 4400. */
export class Malformed extends Error {}

/** Longer texts are left to TextDecoder, which costs more to call and less a letter. */
const shortTextMax = 64;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const slab = new Slab();
const recentIds = new RecentIds();
const { charCodeAt } = String.prototype; // see writer.ts
/** The ASCII text of each length that was read last: content types are nearly always the same one. */
const lastTexts = new Array<string>(shortTextMax + 1).fill('');
/** Of a text as long as an id, in its shortest form. */
const idHead = 0xa0 | idLength;

export class Reader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #pools = false;

  /** From here on reads `raw`. `pools`: whether `bytes` may give views into shared buffers (see Slab). */
  start(raw: Uint8Array, pools: boolean): void {
    // A Buffer's `slice` does not copy: read through a plain Uint8Array, whatever was given.
    this.#bytes = raw.constructor === Uint8Array ? raw : new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
    this.#at = 0;
    this.#pools = pools;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** How many elements the array has that begins here. */
  array(): number {
    const head = this.#byte();
    if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
    if (head === 0xdc) return this.#uint16();
    if (head === 0xdd) return this.#uint32();
    throw new Malformed('an array is missing');
  }

  /** A whole number from 0 to 2^53-1, in any integer format or as a float (some libraries write large ones so). */
  counter(): number {
    const head = this.#byte();
    if (head <= 0x7f) return head;
    const value = this.#number(head);
    if (!Number.isSafeInteger(value) || value < 0) throw new Malformed('a whole number from 0 is missing');
    return value + 0; // -0 becomes 0
  }

  flag(): boolean {
    const head = this.#byte();
    if (head !== 0xc2 && head !== 0xc3) throw new Malformed('true or false is missing');
    return head === 0xc3;
  }

  /** Passes over a nil if one is here; false, and nothing passed over, if not. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at += 1;
    return true;
  }

  id<Kind extends IdKind>(kind: Kind): IdOf<Kind> {
    const start = this.#at + 1;
    const fits = this.#bytes[this.#at] === idHead && this.#bytes.length - start >= idLength;
    const known = fits ? recentIds.find(kind, this.#bytes, start) : '';
    if (known !== '') {
      this.#at = start + idLength;
      return known as IdOf<Kind>;
    }
    const value = this.text(idLength);
    if (!isId(kind, value)) throw new Malformed(`not a ${kind} id`);
    if (fits) recentIds.keep(kind, value as IdOf<Kind>, this.#bytes, start);
    return value as IdOf<Kind>;
  }

  /** At most `max` UTF-16 units, in valid UTF-8. */
  text(max: number): string {
    const length = this.#textLength();
    if (length > max * 3) throw new Malformed('a text is too long');
    const start = this.#pass(length);
    const text = length <= shortTextMax ? this.#shortText(start, length) : this.#longText(start, length);
    if (text.length > max) throw new Malformed('a text is too long');
    return text;
  }

  /** Copied: what was given to `start` may be taken back. */
  bytes(max: number): Uint8Array {
    const head = this.#byte();
    const length = head === 0xc4 ? this.#byte() : head === 0xc5 ? this.#uint16() : head === 0xc6 ? this.#uint32() : -1;
    if (length < 0 || length > max) throw new Malformed('bytes are missing or too many');
    const start = this.#pass(length);
    return this.#pools ? slab.copy(this.#bytes, start, start + length) : this.#bytes.slice(start, start + length);
  }

  /** Passes over `count` values of any kind, with all that they hold. */
  skip(count: number): void {
    for (let left = count; left > 0; left -= 1) left += this.#skipHead();
  }

  /** Reads one value of any kind: a counter as itself, anything else as 0. */
  counterOrZero(): number {
    const head = this.#bytes[this.#at];
    if (head === undefined || (head > 0x7f && (head < 0xca || head > 0xd3))) this.skip(1);
    else {
      this.#at += 1;
      const value = head <= 0x7f ? head : this.#number(head);
      if (Number.isSafeInteger(value) && value >= 0) return value + 0;
    }
    return 0;
  }

  /** Everything was read. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new Malformed('there are bytes after the frame');
  }

  #shortText(start: number, length: number): string {
    const b = this.#bytes;
    const last = lastTexts[length] as string;
    if (last !== '' && isAt(last, length, b, start)) return last;
    for (let at = start; at < start + length; at += 1) if ((b[at] as number) > 0x7f) return this.#longText(start, length);
    const text = length === 21 ? idLike(b, start) : String.fromCharCode.apply(null, b.subarray(start, start + length) as unknown as number[]);
    lastTexts[length] = text;
    return text;
  }

  #longText(start: number, length: number): string {
    try {
      return strict.decode(this.#bytes.subarray(start, start + length));
    } catch (cause) {
      throw new Malformed('a text is not UTF-8', { cause });
    }
  }

  #textLength(): number {
    const head = this.#byte();
    if (head >= 0xa0 && head <= 0xbf) return head & 0x1f;
    if (head === 0xd9) return this.#byte();
    if (head === 0xda) return this.#uint16();
    if (head === 0xdb) return this.#uint32();
    throw new Malformed('a text is missing');
  }

  #number(head: number): number {
    switch (head) {
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#uint32() * 0x1_0000_0000 + this.#uint32();
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return (this.#uint32() | 0) * 0x1_0000_0000 + this.#uint32();
      case 0xca:
        return this.#view(4).getFloat32(0);
      case 0xcb:
        return this.#view(8).getFloat64(0);
      default:
        return Number.NaN;
    }
  }

  /** Passes over one value's head and its own bytes; gives how many values it holds. */
  #skipHead(): number {
    const head = this.#byte();
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) return 0;
    if (head <= 0x8f) return (head & 0x0f) * 2;
    if (head <= 0x9f) return head & 0x0f;
    if (head <= 0xbf) return this.#passed(head & 0x1f);
    switch (head) {
      case 0xc4:
      case 0xd9:
        return this.#passed(this.#byte());
      case 0xc5:
      case 0xda:
        return this.#passed(this.#uint16());
      case 0xc6:
      case 0xdb:
        return this.#passed(this.#uint32());
      case 0xc7:
        return this.#passed(this.#byte() + 1);
      case 0xc8:
        return this.#passed(this.#uint16() + 1);
      case 0xc9:
        return this.#passed(this.#uint32() + 1);
      case 0xdc:
        return this.#uint16();
      case 0xdd:
        return this.#uint32();
      case 0xde:
        return this.#uint16() * 2;
      case 0xdf:
        return this.#uint32() * 2;
      default:
        return this.#passed(fixedLength(head));
    }
  }

  #passed(length: number): 0 {
    this.#pass(length);
    return 0;
  }

  /** Moves on by `length` bytes, which must be there; gives where they begin. */
  #pass(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new Malformed('the frame is cut short');
    this.#at = start + length;
    return start;
  }

  #view(length: number): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#pass(length), length);
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new Malformed('the frame is cut short');
    return this.#bytes[this.#at++] as number;
  }

  #uint16(): number {
    const start = this.#pass(2);
    return ((this.#bytes[start] as number) << 8) | (this.#bytes[start + 1] as number);
  }

  #uint32(): number {
    const start = this.#pass(4);
    const b = this.#bytes;
    return (((b[start] as number) << 24) | ((b[start + 1] as number) << 16) | ((b[start + 2] as number) << 8) | (b[start + 3] as number)) >>> 0;
  }
}

/** Bytes after the head of a value whose length its head alone tells: numbers, and fixext with its type. */
function fixedLength(head: number): number {
  if (head >= 0xd4 && head <= 0xd8) return 1 + 2 ** (head - 0xd4);
  if (head >= 0xcc && head <= 0xd3) return 2 ** (head & 0x03);
  if (head === 0xca) return 4;
  if (head === 0xcb) return 8;
  throw new Malformed('not MessagePack'); // 0xc1 is never used
}

/** Whether `text`, of that length, stands at `start`. */
function isAt(text: string, length: number, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < length; at += 1) if (charCodeAt.call(text, at) !== bytes[start + at]) return false;
  return true;
}

/** Most texts are ids: with its arguments spelled out this takes half the time. */
// biome-ignore format: one row of letters
function idLike(b: Uint8Array, s: number): string {
  return String.fromCharCode(
    b[s] as number, b[s + 1] as number, b[s + 2] as number, b[s + 3] as number, b[s + 4] as number, b[s + 5] as number, b[s + 6] as number,
    b[s + 7] as number, b[s + 8] as number, b[s + 9] as number, b[s + 10] as number, b[s + 11] as number, b[s + 12] as number, b[s + 13] as number,
    b[s + 14] as number, b[s + 15] as number, b[s + 16] as number, b[s + 17] as number, b[s + 18] as number, b[s + 19] as number, b[s + 20] as number,
  );
}
