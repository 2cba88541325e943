// After something may have been lost between nodes every session looks at what moved, and who watches somebody looks again: spread over a while, so that the store sees no storm.
import type { Clock, Random } from '../structures/clock.ts';
import type { LocalEntities } from './router.ts';

const spreadMs = 8_000;
const sliceMs = 100;

export class Heals {
  readonly #entities: LocalEntities;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Who has not been told yet, and how many at a time. */
  #left: (() => void)[] = [];
  #atOnce = 0;
  /** Something was lost since the round began: those that were told before look once more. */
  #again = false;
  /** Rounds begun since the start. */
  count = 0;

  constructor(entities: LocalEntities, clock: Clock, random: Random) {
    this.#entities = entities;
    this.#clock = clock;
    this.#random = random;
  }

  begin(): void {
    if (this.#left.length > 0) {
      this.#again = true;
      return;
    }
    this.count += 1;
    this.#left = [...this.#asking('presence', { kind: 'look', extra: true }), ...this.#asking('session', { kind: 'heal', answersLost: true })];
    if (this.#left.length === 0) return;
    this.#atOnce = Math.max(1, Math.ceil((this.#left.length * sliceMs) / spreadMs));
    this.#clock.after(this.#random() * sliceMs * 10, () => this.#slice());
  }

  #asking(kind: string, command: object): (() => void)[] {
    return [...this.#entities.awakeIds(kind)].map((id) => () => void this.#entities.tellIfAwake(kind, id, command));
  }

  #slice(): void {
    for (const ask of this.#left.splice(-this.#atOnce)) ask();
    if (this.#left.length > 0) this.#clock.after(sliceMs, () => this.#slice());
    else if (this.#again) {
      this.#again = false;
      this.begin();
    }
  }
}
