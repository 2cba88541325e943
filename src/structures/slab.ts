// Copies of short byte strings, laid side by side in larger buffers: a buffer of its own for each costs many times more than the copying.

const slabBytes = 16 * 1024;
/** What is longer gets a buffer of its own, so that no long-lived view keeps much more alive than itself. */
const pooledBytesMax = 2 * 1024;

/** Up to here a loop is faster than a view to copy from. */
const loopedBytesMax = 160;

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
    const used = this.#used;
    const copy = this.#bytes.subarray(used, used + length);
    if (length > loopedBytesMax) copy.set(start === 0 && end === from.length ? from : from.subarray(start, end));
    else for (let at = 0; at < length; at += 1) copy[at] = from[start + at] as number;
    this.#used += length;
    return copy;
  }
}
