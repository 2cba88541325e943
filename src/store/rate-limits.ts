// How often something may be done. May be lost: a limit that forgets lets a little more through, and nothing else.

/** `points` takes in `perMs`, counted in fixed windows that begin with a key's first take. */
export interface RateRule {
  /** Unique among the rules; part of the key. */
  readonly name: string;
  readonly points: number;
  readonly perMs: number;
}

/** Contract: test/store/rate-limits.contract.ts. */
export interface RateLimits {
  /** 0: taken. Otherwise nothing was taken, and it is the time in ms after which there is a point again. Never rejects: out of reach, it lets pass or counts by itself. */
  take(rule: RateRule, key: string): Promise<number>;
  /** Undoes one `take` of the running window; nothing where there was none. */
  giveBack(rule: RateRule, key: string): Promise<void>;
}
