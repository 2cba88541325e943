// How far apart commits begin. Under load the later one gathers more, and a commit costs as much as twenty appends.

/** The busier the event loop, the further: frames for one socket then leave together, and what comes in waits less for the processor than it would otherwise. */
const every = { idleMs: 4, busyMs: 24, idleShare: 0.85, busyShare: 0.95 };
const lookEveryMs = 100;
/** The middle one of so many looks counts: a collection of garbage, with the turns that make up for it, is no load, and a load that comes at once is one soon. */
const looks = 3;

export class Spacing {
  #everyMs = every.idleMs;
  /** By the steady clock. */
  #begunMs = Number.NEGATIVE_INFINITY;
  #lookedMs = performance.now();
  #utilisation = performance.eventLoopUtilization();
  /** Of the last looks, the newest last. */
  #shares: readonly number[] = new Array<number>(looks).fill(0);

  /** Until the next commit may begin; none for one that comes alone. */
  get waitMs(): number {
    return this.#begunMs + this.#everyMs - performance.now();
  }

  get sinceMs(): number {
    return performance.now() - this.#begunMs;
  }

  /** A commit begins now. */
  begin(): void {
    this.#begunMs = performance.now();
    if (this.#begunMs - this.#lookedMs < lookEveryMs) return;
    this.#lookedMs = this.#begunMs;
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilisation);
    this.#utilisation = now;
    this.#shares = [...this.#shares.slice(1), utilization];
    const share = this.#shares.toSorted((a, b) => a - b)[looks >> 1] as number;
    const { idleMs, busyMs, idleShare, busyShare } = every;
    const target = idleMs + (busyMs - idleMs) * Math.min(1, Math.max(0, (share - idleShare) / (busyShare - idleShare)));
    this.#everyMs += (target - this.#everyMs) / 2;
  }
}
