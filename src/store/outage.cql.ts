// While no node of the store is there, nobody asks the driver in vain: all wait together for whoever finds out that one is back, and then go on one after the other.
import { errors } from 'cassandra-driver';
import { outcomeOf } from './errors.cql.ts';
import { gateMax } from './gate.cql.ts';

/** Whether the driver had no node to ask: it holds all for down, or could connect to none. One that does not answer, or says no, is there. */
export function isAway(error: unknown): boolean {
  return (
    error instanceof errors.NoHostAvailableError &&
    outcomeOf(error) === 'absent' &&
    !Object.values(error.innerErrors as Record<string, unknown>).some((reason) => reason instanceof errors.ResponseError)
  );
}

export const outageMax = {
  /** Those who wait; more are refused at once. */
  waiting: gateMax.waiting,
  /** When the store is back, those who waited go on within this time for each thousand of them, and within `spreadMsMax`. */
  spreadMsEach: 500,
  spreadMsMax: 3_000,
} as const;

export class Outage {
  readonly #waiting = new Set<(isBack: boolean) => void>();
  readonly #random: () => number;
  #isOn = false;
  #isClosed = false;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
  }

  /** A node has answered. */
  end(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    const { spreadMsEach, spreadMsMax } = outageMax;
    const spreadMs = Math.min(spreadMsMax, (spreadMsEach * this.#waiting.size) / 1_000);
    for (const go of this.#waiting) setTimeout(go, this.#random() * spreadMs, true);
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    for (const settle of this.#waiting) settle(false);
  }

  /** True once a node is back and it is this one's turn; false after `msMax`, when too many wait already, or when nothing is to be tried any more. */
  over(msMax: number): Promise<boolean> {
    if (!this.#isOn) return Promise.resolve(true);
    if (this.#waiting.size >= outageMax.waiting || this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (isBack: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(isBack);
      };
      const timer = Number.isFinite(msMax) ? setTimeout(settle, msMax, false) : undefined;
      this.#waiting.add(settle);
    });
  }
}
