// Time as an argument: who needs the hour or a timer is given a Clock, so that a simulator can give another.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970, never going backwards within one process. */
  nowMs(): number;
  /** Runs `job` once, `delayMs` from now or a little later. */
  after(delayMs: number, job: () => void): Timer;
  /** Runs `job` once, after what this turn of the event loop has brought in. */
  soon(job: () => void): void;
}

/** Uniform in [0, 1). The simulator gives a seeded one. */
export type Random = () => number;
