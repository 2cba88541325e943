// Clocks within a simulated world: of a process that can die, and of a device whose clock is wrong.
import type { Clock, Timer } from '../../src/structures/clock.ts';

const nothing: Timer = { cancel: () => undefined };

/** A clock that stops with its process: after `end` none of its jobs runs any more. */
export class MortalClock implements Clock {
  readonly #world: Clock;
  /** What this clock shows, less what the world's does. Moved on by a machine that was set or that slept; within one process only forward. */
  #aheadMs: number;
  #alive = true;

  constructor(world: Clock, aheadMs = 0) {
    this.#world = world;
    this.#aheadMs = aheadMs;
  }

  nowMs(): number {
    return Math.floor(this.#world.nowMs() + this.#aheadMs);
  }

  after(delayMs: number, job: () => void): Timer {
    return this.#alive ? this.#world.after(delayMs, () => this.#alive && job()) : nothing;
  }

  soon(job: () => void): void {
    if (this.#alive) this.#world.soon(() => this.#alive && job());
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
