// Rate limits of one process, forgotten with it. Bounded: however many keys there are, memory stays within `keysMax` a rule.
import { createHash, randomBytes } from 'node:crypto';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimits, RateRule } from './rate-limits.ts';

export const memoryRateLimitsMax = {
  /** Keys of one rule that are counted each by itself. */
  keys: 65_536,
  /** Beyond them new keys share this many counters, spread by a hash that nobody outside can compute: strangers may then be limited together. */
  shared: 4_096,
} as const;

export interface MemoryRateLimitsOptions {
  readonly keysMax?: number;
  readonly sharedMax?: number;
}

export function memoryRateLimits({ keysMax = memoryRateLimitsMax.keys, sharedMax = memoryRateLimitsMax.shared }: MemoryRateLimitsOptions = {}): RateLimits {
  const counters = new Map<string, Counter>();
  const counterOf = (rule: RateRule): Counter => {
    const known = counters.get(rule.name);
    if (known !== undefined) return known;
    const made = new Counter(rule, keysMax, sharedMax);
    counters.set(rule.name, made);
    return made;
  };
  return { take: (rule, key) => counterOf(rule).take(key), giveBack: (rule, key) => counterOf(rule).giveBack(key) };
}

class Counter {
  readonly #limiter: RateLimiterMemory;
  readonly #perMs: number;
  readonly #keysMax: number;
  readonly #sharedMax: number;
  readonly #salt = randomBytes(16);
  // A key lives for one window, so those begun in this window and the one before are at least all that live.
  #window = 0;
  #begun = 0;
  #begunBefore = 0;

  constructor(rule: RateRule, keysMax: number, sharedMax: number) {
    this.#limiter = new RateLimiterMemory({ points: rule.points, duration: rule.perMs / 1_000, keyPrefix: '' });
    this.#perMs = rule.perMs;
    this.#keysMax = keysMax;
    this.#sharedMax = sharedMax;
  }

  async take(key: string): Promise<number> {
    const kept = await this.#kept(key);
    try {
      await this.#limiter.consume(kept);
      return 0;
    } catch (over) {
      if (over instanceof Error) throw over;
      await this.#limiter.reward(kept); // what is refused is not counted
      return Math.max(1, (over as RateLimiterRes).msBeforeNext);
    }
  }

  async giveBack(key: string): Promise<void> {
    for (const kept of [key, this.#sharedKey(key)]) {
      const now = await this.#limiter.get(kept);
      if (now === null) continue;
      if (now.consumedPoints > 0) await this.#limiter.reward(kept);
      return;
    }
  }

  async #kept(key: string): Promise<string> {
    if ((await this.#limiter.get(key)) !== null) return key;
    const window = Math.floor(Date.now() / this.#perMs);
    if (window !== this.#window) {
      this.#begunBefore = window === this.#window + 1 ? this.#begun : 0;
      this.#begun = 0;
      this.#window = window;
    }
    if (this.#begun + this.#begunBefore >= this.#keysMax) return this.#sharedKey(key);
    this.#begun += 1;
    return key;
  }

  #sharedKey(key: string): string {
    const hash = createHash('sha256').update(this.#salt).update(key).digest();
    return `shared ${hash.readUInt32BE(0) % this.#sharedMax}`;
  }
}
