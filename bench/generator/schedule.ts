// Open loop: when each message is due is decided beforehand, whatever the server does. A late send counts from its due time, so a slow server cannot hide its delays.

export type Arrivals = 'uniform' | 'poisson';

/** A seeded source of numbers in [0, 1): the same seed gives the same run. (mulberry32) */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The due times of one run, in order. */
export class Schedule {
  /** When the next message is due, in ms of the caller's clock. */
  nextMs: number;
  readonly #startMs: number;
  readonly #gapMs: number;
  readonly #arrivals: Arrivals;
  readonly #random: () => number;
  #count = 0;

  constructor({ startMs, rate, arrivals, random }: { readonly startMs: number; readonly rate: number; readonly arrivals: Arrivals; readonly random: () => number }) {
    this.#startMs = startMs;
    this.#gapMs = 1_000 / rate;
    this.#arrivals = arrivals;
    this.#random = random;
    this.nextMs = startMs;
    if (arrivals === 'poisson') this.#step();
  }

  /** Returns the due time of the next message and goes on to the one after. */
  take(): number {
    const due = this.nextMs;
    this.#count += 1;
    this.#step();
    return due;
  }

  #step(): void {
    if (this.#arrivals === 'uniform')
      this.nextMs = this.#startMs + this.#count * this.#gapMs; // by count: no drift
    else this.nextMs += -Math.log(1 - this.#random()) * this.#gapMs;
  }
}
