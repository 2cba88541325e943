// How often an entity may crash, and how long it rests before the next try.
import type { Random } from '../../structures/clock.ts';

export interface Backoff {
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
}

export interface RestartLimits extends Backoff {
  /** More crashes than this within `withinMs`: quarantine. */
  readonly max: number;
  readonly withinMs: number;
}

/** Doubling from the least to the most, less a random part of up to a half, so that what failed together doesn't come back together. `attempt` counts from 1. */
export function backoffMs({ backoffMsMin, backoffMsMax }: Backoff, attempt: number, random: Random): number {
  const full = Math.min(backoffMsMin * 2 ** Math.min(attempt - 1, 30), backoffMsMax);
  return full * (0.5 + random() / 2);
}

/** What is remembered of an entity in trouble; most never have one. */
export class Trouble {
  quarantined = false;
  /** Since when its store has been out of reach; undefined while it isn't. */
  unavailableSinceMs: number | undefined = undefined;
  /** Loads that failed in a row for want of the store. */
  attempts = 0;
  /** In quarantine: no load before this, or reads would hammer a store that fails. */
  loadNotBeforeMs = 0;
  /** Crashed, and not loaded again since. */
  down = false;
  readonly #crashesMs: number[] = [];

  /** Notes a crash. How long to rest, or undefined when it was one too many. */
  crashed(limits: RestartLimits, nowMs: number, random: Random): number | undefined {
    this.down = true;
    this.#forget(limits, nowMs);
    this.#crashesMs.push(nowMs);
    if (this.#crashesMs.length > limits.max) return undefined;
    return backoffMs(limits, this.#crashesMs.length, random);
  }

  /** Whether a crash still counts towards quarantine. */
  remembers(limits: RestartLimits, nowMs: number): boolean {
    this.#forget(limits, nowMs);
    return this.#crashesMs.length > 0;
  }

  #forget({ withinMs }: RestartLimits, nowMs: number): void {
    while ((this.#crashesMs[0] ?? nowMs) < nowMs - withinMs) this.#crashesMs.shift();
  }
}
