// What went over one socket, byte by byte, in both directions and with times: what a judge looks at instead of believing a client.

export interface Recorded {
  /** On the clock of `performance.now()`. */
  readonly atMs: number;
  readonly direction: 'in' | 'out';
  /** One frame. A view into the journal. */
  readonly bytes: Uint8Array;
}

const chunkBytes = 256 * 1024;
const headerBytes = 8 + 1 + 4;

/** Frames are copied into large chunks: a million of them cost their bytes and 13 more each. */
export class Journal {
  readonly #chunks: { readonly bytes: Buffer; used: number }[] = [];
  readonly #keeps: boolean;
  frames = 0;

  /** `keeps` false: only counts, for runs of more bytes than memory. */
  constructor(keeps = true) {
    this.#keeps = keeps;
  }

  record(direction: 'in' | 'out', frame: Uint8Array, atMs: number): void {
    this.frames += 1;
    if (!this.#keeps) return;
    const needed = headerBytes + frame.byteLength;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.bytes.byteLength - chunk.used < needed) {
      chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(this.#chunks.length === 0 ? 4_096 : chunkBytes, needed)), used: 0 };
      this.#chunks.push(chunk);
    }
    const { bytes, used } = chunk;
    bytes.writeDoubleLE(atMs, used);
    bytes[used + 8] = direction === 'in' ? 1 : 0;
    bytes.writeUInt32LE(frame.byteLength, used + 9);
    bytes.set(frame, used + headerBytes);
    chunk.used += needed;
  }

  /** In the order in which they were recorded. */
  *read(): Generator<Recorded> {
    for (const { bytes, used } of this.#chunks) {
      for (let at = 0; at < used; ) {
        const length = bytes.readUInt32LE(at + 9);
        yield { atMs: bytes.readDoubleLE(at), direction: bytes[at + 8] === 1 ? 'in' : 'out', bytes: bytes.subarray(at + headerBytes, at + headerBytes + length) };
        at += headerBytes + length;
      }
    }
  }
}
