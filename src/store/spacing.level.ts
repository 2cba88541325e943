// How far apart commits begin. Under load the later one gathers more, and a commit costs as much as twenty appends.

/** The busier the event loop, the further: frames for one socket then leave together, and what comes in waits less for the processor than it would otherwise. */
const every = { idleMs: 4, busyMs: 24, idleShare: 0.75, busyShare: 0.95 };
/** Longer than a collection of garbage, and the turns that make up for it: those are no load. */
const lookEveryMs = 500;

export class Spacing {
  #everyMs = every.idleMs;
  /** By the steady clock. */
  #begunMs = Number.NEGATIVE_INFINITY;
  #lookedMs = performance.now();
  #utilisation = performance.eventLoopUtilization();

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
    const { idleMs, busyMs, idleShare, busyShare } = every;
    const target = idleMs + (busyMs - idleMs) * Math.min(1, Math.max(0, (utilization - idleShare) / (busyShare - idleShare)));
    this.#everyMs += (target - this.#everyMs) / 2; // halfway: neither is one busy moment
  }
}
