// Time for tests and the simulator: it stands still until it is moved, and the same calls give the same order.
import type { Clock, Timer } from '../../src/structures/clock.ts';

interface Waiting {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  job: (() => void) | undefined;
}

export class FakeClock implements Clock {
  #nowMs: number;
  #order = 0;
  #soon: (() => void)[] = [];
  /** A heap by time, then by the order of arming. */
  readonly #timers: Waiting[] = [];

  constructor(nowMs = 1_800_000_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, job: () => void): Timer {
    const waiting: Waiting = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, job };
    this.#order += 1;
    this.#insert(waiting);
    return {
      cancel(): void {
        waiting.job = undefined;
      },
    };
  }

  soon(job: () => void): void {
    this.#soon.push(job);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.filter(({ job }) => job !== undefined).length;
  }

  /** When the next timer is due; undefined for none. */
  nextMs(): number | undefined {
    this.#dropCancelled();
    return this.#timers[0]?.atMs;
  }

  /** One turn: what is to run soon by now, not what that brings. False if there was nothing. */
  runSoon(): boolean {
    const jobs = this.#soon;
    if (jobs.length === 0) return false;
    this.#soon = [];
    for (const job of jobs) job();
    return true;
  }

  /** Runs turns, and lets promises settle between them, until neither brings anything more. */
  async settle(): Promise<void> {
    await promisesSettle();
    for (let turns = 0; this.runSoon(); turns += 1) {
      if (turns > turnsMax) throw new Error(`at ${this.#nowMs} ms something goes on for ever, and no time passes`);
      await promisesSettle();
    }
  }

  /** Moves time on by `ms`, running each timer at its moment and settling what it brings before the next. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let dueMs = this.nextMs(); dueMs !== undefined && dueMs <= endMs; dueMs = this.nextMs()) {
      const waiting = this.#remove();
      this.#nowMs = Math.max(this.#nowMs, waiting.atMs);
      waiting.job?.();
      await this.settle();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Runs the timers that are due by now, and nothing that they bring. */
  runTimers(): void {
    for (let dueMs = this.nextMs(); dueMs !== undefined && dueMs <= this.#nowMs; dueMs = this.nextMs()) this.#remove().job?.();
  }

  /** As a machine that slept: time has moved, no timer has run yet. */
  leap(ms: number): void {
    this.#nowMs += ms;
  }

  #dropCancelled(): void {
    for (let first = this.#timers[0]; first !== undefined && first.job === undefined; first = this.#timers[0]) this.#remove();
  }

  #insert(waiting: Waiting): void {
    let at = this.#timers.push(waiting) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#timers[parent] as Waiting;
      if (!isBefore(waiting, above)) break;
      this.#timers[at] = above;
      at = parent;
    }
    this.#timers[at] = waiting;
  }

  /** Takes out the first; there must be one. */
  #remove(): Waiting {
    const first = this.#timers[0] as Waiting;
    const last = this.#timers.pop() as Waiting;
    const size = this.#timers.length;
    if (size === 0) return first;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = this.#timers[child + 1];
      if (right !== undefined && isBefore(right, this.#timers[child] as Waiting)) child += 1;
      const below = this.#timers[child] as Waiting;
      if (!isBefore(below, last)) break;
      this.#timers[at] = below;
      at = child;
    }
    this.#timers[at] = last;
    return first;
  }
}

/** Within one instant: far more than anything but a loop takes. */
const turnsMax = 20_000;

function isBefore(one: Waiting, other: Waiting): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** All promise jobs that are ready, and those that they bring, run before what Node has for its next tick. An immediate would do as well, at several times the cost. */
function promisesSettle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
