// Clocks within a simulated world: of a process that can die, and of a device whose clock is wrong.
import type { Clock, Timer } from '../../src/structures/clock.ts';

const nothing: Timer = { cancel: () => undefined };

/** A clock that stops with its process: after `end` none of its jobs runs any more. */
export class MortalClock implements Clock {
  readonly #world: Clock;
  /** What this clock shows, less what the world's does. Moved on by a machine that was set or that slept; within one process only forward. */
  #aheadMs: number;
  #alive = true;
  /** What is to run once the process goes on; undefined while it runs. */
  #stopped: (() => void)[] | undefined;

  constructor(world: Clock, aheadMs = 0) {
    this.#world = world;
    this.#aheadMs = aheadMs;
  }

  nowMs(): number {
    return Math.floor(this.#world.nowMs() + this.#aheadMs);
  }

  after(delayMs: number, job: () => void): Timer {
    return this.#alive ? this.#world.after(delayMs, () => this.run(job)) : nothing;
  }

  soon(job: () => void): void {
    if (this.#alive) this.#world.soon(() => this.run(job));
  }

  /** Now, or once the process goes on; never if it is dead. */
  run(job: () => void): void {
    if (!this.#alive) return;
    if (this.#stopped === undefined) job();
    else this.#stopped.push(job);
  }

  /** The process stands still: nothing in it runs, and time goes by. */
  stop(): void {
    this.#stopped ??= [];
  }

  goOn(): void {
    const jobs = this.#stopped ?? [];
    this.#stopped = undefined;
    for (const job of jobs) this.run(job);
  }

  jump(ms: number): void {
    this.#aheadMs += Math.max(0, ms);
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
  }
}
