// Draws that one seed decides. Each purpose has a stream of its own, so that one draw more for one thing does not change all others.
import type { Random } from '../../src/structures/clock.ts';

export interface Draws {
  /** Uniform in [0, 1). */
  next: Random;
  chance(probability: number): boolean;
  /** A whole number from `min` to `max`, both possible. */
  whole(min: number, max: number): number;
  between(min: number, max: number): number;
  pick<Value>(from: readonly Value[]): Value;
  /** A time to the next event of a kind that comes every `meanMs` on average. */
  wait(meanMs: number): number;
  stream(purpose: string): Draws;
}

export function draws(seed: number, purpose = ''): Draws {
  let state = hash(`${seed}/${purpose}`);
  const next = (): number => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    chance: (probability) => next() < probability,
    whole,
    between: (min, max) => min + next() * (max - min),
    pick: (from) => {
      if (from.length === 0) throw new Error('nothing to pick from');
      return from[whole(0, from.length - 1)] as (typeof from)[number];
    },
    wait: (meanMs) => -Math.log(1 - next()) * meanMs,
    stream: (more) => draws(seed, `${purpose}/${more}`),
  };
}

function hash(text: string): number {
  let sum = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x0100_0193);
  return sum;
}
