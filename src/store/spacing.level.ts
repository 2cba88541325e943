// How far apart commits begin. Under load the later one gathers more, and a commit costs as much as twenty appends.

/** The busier the event loop, the further: frames for one socket then leave together, and what comes in waits less for the processor than it would otherwise. */
const every = { idleMs: 2, busyMs: 24, idleShare: 0.85, busyShare: 0.95 };
const lookEveryMs = 100;
/** The middle one of so many looks counts: a collection of garbage, with the turns that make up for it, is no load, and a load that comes at once is one soon. */
const looks = 3;

/** What is read of the process: the steady clock, and how busy the event loop was since it was last asked. */
export interface Readings {
  nowMs(): number;
  busyShare(): number;
}

export class Spacing {
  readonly #readings: Readings;
  #everyMs = every.idleMs;
  /** By the steady clock. */
  #begunMs = Number.NEGATIVE_INFINITY;
  #lookedMs: number;
  /** Of the last looks, the newest last. */
  #shares: readonly number[] = new Array<number>(looks).fill(0);

  /** Without readings nothing is known of the load, and commits are never far apart. */
  constructor(readings: Readings = { nowMs: () => performance.now(), busyShare: () => 0 }) {
    this.#readings = readings;
    this.#lookedMs = readings.nowMs();
  }

  /** Until the next commit may begin; none for one that comes alone. */
  get waitMs(): number {
    return this.#begunMs + this.#everyMs - this.#readings.nowMs();
  }

  get sinceMs(): number {
    return this.#readings.nowMs() - this.#begunMs;
  }

  /** A commit begins now. */
  begin(): void {
    this.#begunMs = this.#readings.nowMs();
    if (this.#begunMs - this.#lookedMs < lookEveryMs) return;
    this.#lookedMs = this.#begunMs;
    this.#shares = [...this.#shares.slice(1), this.#readings.busyShare()];
    const share = this.#shares.toSorted((a, b) => a - b)[looks >> 1] as number;
    const { idleMs, busyMs, idleShare, busyShare } = every;
    const target = idleMs + (busyMs - idleMs) * Math.min(1, Math.max(0, (share - idleShare) / (busyShare - idleShare)));
    this.#everyMs += (target - this.#everyMs) / 2;
  }
}
