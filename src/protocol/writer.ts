// Writes MessagePack a value at a time into one buffer that grows as needed and is used again. Always the shortest form of a value.
import { type IdKind, type IdOf, idLength } from '../structures/ids.ts';
import { Slab } from '../structures/slab.ts';

const initialBytes = 64 * 1024;
/** Longer texts, and those that are not ASCII, are left to TextEncoder, which costs more to call and less a letter. */
const shortTextMax = 64;
/** Up to here a loop is faster than a view to copy from. */
const loopedBytesMax = 160;
const utf8 = new TextEncoder();
const slab = new Slab();
/** Called by name, not looked up in each text: those come in many shapes inside, and to look a method up in one of many takes longer than the letter. */
const { charCodeAt } = String.prototype;

export class Writer {
  #bytes = new Uint8Array(initialBytes);
  #at = 0;

  /** Forgets what was written. */
  start(): void {
    this.#at = 0;
  }

  /** What was written since `start`, in the buffer that the next `start` makes free. */
  shared(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** What was written since `start`, the caller's to keep (a view, see Slab). */
  copy(): Uint8Array {
    return slab.copy(this.#bytes, 0, this.#at);
  }

  array(length: number): void {
    this.#room(5);
    if (length <= 0x0f) this.#bytes[this.#at++] = 0x90 | length;
    else if (length <= 0xffff) this.#head16(0xdc, length);
    else this.#head32(0xdd, length);
  }

  /** Whatever is not a whole number from 0 to 2^53-1 is a bug of ours, and no frame leaves with it. */
  counter(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`A frame cannot hold ${String(value)}: whole numbers from 0 only.`);
    this.#room(9);
    if (value <= 0x7f) this.#bytes[this.#at++] = value;
    else if (value <= 0xff) this.#head8(0xcc, value);
    else if (value <= 0xffff) this.#head16(0xcd, value);
    else if (value <= 0xffff_ffff) this.#head32(0xce, value);
    else {
      this.#head32(0xcf, Math.floor(value / 0x1_0000_0000));
      this.#uint32(value >>> 0);
    }
  }

  flag(value: boolean): void {
    this.#room(1);
    this.#bytes[this.#at++] = value ? 0xc3 : 0xc2;
  }

  nil(): void {
    this.#room(1);
    this.#bytes[this.#at++] = 0xc0;
  }

  /** Half a surrogate pair becomes U+FFFD: what leaves is always UTF-8. */
  text(text: string): void {
    if (text.length <= shortTextMax && this.#asciiText(text)) return;
    const encoded = utf8.encode(text);
    this.#room(encoded.length + 5);
    if (encoded.length <= 0x1f) this.#bytes[this.#at++] = 0xa0 | encoded.length;
    else if (encoded.length <= 0xff) this.#head8(0xd9, encoded.length);
    else if (encoded.length <= 0xffff) this.#head16(0xda, encoded.length);
    else this.#head32(0xdb, encoded.length);
    this.#append(encoded);
  }

  /** An id: as `text` would write it, without asking how long it is and of which letters. */
  id(id: IdOf<IdKind>): void {
    this.#room(idLength + 1);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    bytes[this.#at] = 0xa0 | idLength;
    for (let index = 0; index < idLength; index += 1) bytes[start + index] = charCodeAt.call(id, index);
    this.#at = start + idLength;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length + 5);
    if (value.length <= 0xff) this.#head8(0xc4, value.length);
    else if (value.length <= 0xffff) this.#head16(0xc5, value.length);
    else this.#head32(0xc6, value.length);
    this.#append(value);
  }

  /** As they are, from `start` on. */
  raw(value: Uint8Array, start: number): void {
    const { length } = value;
    this.#room(length);
    const bytes = this.#bytes;
    let at = this.#at;
    if (length <= loopedBytesMax) for (let index = start; index < length; index += 1) bytes[at++] = value[index] as number;
    else {
      bytes.set(start === 0 ? value : value.subarray(start), at);
      at += length - start;
    }
    this.#at = at;
  }

  /** False, and nothing written, if the text is not ASCII. */
  #asciiText(text: string): boolean {
    const { length } = text;
    this.#room(length + 2);
    const bytes = this.#bytes;
    let at = this.#at;
    if (length <= 0x1f) bytes[at++] = 0xa0 | length;
    else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index += 1) {
      const code = charCodeAt.call(text, index);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #head8(head: number, value: number): void {
    this.#bytes[this.#at++] = head;
    this.#bytes[this.#at++] = value;
  }

  #head16(head: number, value: number): void {
    this.#bytes[this.#at++] = head;
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  #head32(head: number, value: number): void {
    this.#bytes[this.#at++] = head;
    this.#uint32(value);
  }

  #uint32(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#at = at + 4;
  }

  #room(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
