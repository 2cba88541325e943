// Bytes of a stream, cut wherever reads cut them, for a parser that takes whole messages: what it leaves is put before what comes next.

/** Parses from 0 to `end` and says how far it got: what lies behind is not whole yet. */
export type Parse = (bytes: Buffer, view: DataView, end: number) => number;

export class Remainder {
  readonly #parse: Parse;
  #kept = Buffer.allocUnsafeSlow(1024);
  #view = viewOf(this.#kept);
  #count = 0;

  constructor(parse: Parse) {
    this.#parse = parse;
  }

  read(bytes: Buffer, view: DataView, count: number): void {
    if (this.#count === 0) {
      const done = this.#parse(bytes, view, count);
      if (done < count) this.#keep(bytes, done, count);
      return;
    }
    this.#keep(bytes, 0, count);
    const done = this.#parse(this.#kept, this.#view, this.#count);
    this.#kept.copyWithin(0, done, this.#count);
    this.#count -= done;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const needed = this.#count + to - from;
    if (needed > this.#kept.byteLength) {
      const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
      this.#kept.copy(larger, 0, 0, this.#count);
      this.#kept = larger;
      this.#view = viewOf(larger);
    }
    bytes.copy(this.#kept, this.#count, from, to);
    this.#count = needed;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
