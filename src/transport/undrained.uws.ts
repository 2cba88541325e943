// How much of what was published uWebSockets.js may still hold back: it hands it over to the sockets before and after each poll of the event loop.

/** Counted for the header of each frame. */
const headerBytes = 4;

export class Undrained {
  /** At least as many as any one socket is still to be handed over. */
  bytes = 0;
  readonly #soon: (run: () => void) => void;
  /** Of them, published in this turn. */
  #now = 0;
  #scheduled = false;

  /** `soon` runs its argument at the end of this turn of the event loop, or of the next where this one is ending. */
  constructor(soon: (run: () => void) => void) {
    this.#soon = soon;
  }

  add(bytes: number): void {
    this.bytes += bytes + headerBytes;
    this.#now += bytes + headerBytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(this.#turnOver);
  }

  /** What was published before the last turn ended has been handed over: there was a poll since. */
  readonly #turnOver = (): void => {
    this.bytes = this.#now;
    this.#now = 0;
    this.#scheduled = this.bytes > 0;
    if (this.#scheduled) this.#soon(this.#turnOver);
  };
}
