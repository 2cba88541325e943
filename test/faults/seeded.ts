// Chance that can be had again: a seed gives the same draws everywhere. The seed of a run is printed; TEST_SEED sets it.
import { randomInt } from 'node:crypto';

export class Seeded {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** In [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** One of them. */
  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to choose from');
    return item;
  }
}

/** A new seed, or the one that the environment asks for. */
export function seedOfRun(): number {
  const wanted = process.env['TEST_SEED'];
  return wanted === undefined ? randomInt(2 ** 31) : Number(wanted);
}

/** A figure that the environment may raise for a longer run. */
export function atLeast(name: string, usual: number): number {
  return Math.max(usual, Number(process.env[name] ?? 0));
}
