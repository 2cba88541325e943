// Copies of short byte strings, laid side by side in larger buffers: a buffer of its own for each costs many times more than the copying.

const slabBytes = 16 * 1024;
/** What is longer gets a buffer of its own, so that no long-lived view keeps much more alive than itself. */
const pooledBytesMax = 2 * 1024;

export class Slab {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** A copy of `from` between `start` and `end`, the caller's to keep. A view: its `buffer` holds other copies too. */
  copy(from: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length > pooledBytesMax) return from.slice(start, end);
    if (this.#used + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(slabBytes);
      this.#used = 0;
    }
    const copy = this.#bytes.subarray(this.#used, this.#used + length);
    copy.set(from.subarray(start, end));
    this.#used += length;
    return copy;
  }
}
