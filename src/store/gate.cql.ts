// How much is asked of the store at once. What is over it waits its turn, first come first served; what would wait in too long a line is refused.
import { StoreUnavailable } from './faults.ts';

export const gateMax = {
  /** Of the 2,048 that one connection to one node can tell apart. */
  requests: 1_500,
  bytes: 32 * 1024 * 1024,
  waiting: 20_000,
  waitingBytes: 64 * 1024 * 1024,
} as const;

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

export class Gate {
  readonly #max: typeof gateMax | Readonly<Record<keyof typeof gateMax, number>>;
  #requests = 0;
  #bytes = 0;
  #waitingBytes = 0;
  #line: Waiting[] = [];
  #first = 0;

  constructor(max: Readonly<Record<keyof typeof gateMax, number>> = gateMax) {
    this.#max = max;
  }

  get requests(): number {
    return this.#requests;
  }

  get waiting(): number {
    return this.#line.length - this.#first;
  }

  /** Undefined: it may go at once. Rejects with StoreUnavailable where too much waits already. Whoever is in must `leave`. */
  enter(bytes: number): Promise<void> | undefined {
    if (this.waiting === 0 && this.#hasRoom(bytes)) return this.#admit(bytes);
    if (this.waiting >= this.#max.waiting || this.#waitingBytes + bytes > this.#max.waitingBytes)
      return Promise.reject(new StoreUnavailable(`the store is too slow for what is asked of it: ${this.#requests} requests are under way and ${this.waiting} wait`));
    this.#waitingBytes += bytes;
    return new Promise((resolve) => this.#line.push({ bytes, enter: resolve }));
  }

  leave(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
    for (let next = this.#line[this.#first]; next !== undefined && this.#hasRoom(next.bytes); next = this.#line[this.#first]) {
      this.#first += 1;
      this.#waitingBytes -= next.bytes;
      this.#admit(next.bytes);
      next.enter();
    }
    if (this.#first === this.#line.length || this.#first > this.#max.waiting) {
      this.#line = this.#line.slice(this.#first);
      this.#first = 0;
    }
  }

  /** One alone may be of any size. */
  #hasRoom(bytes: number): boolean {
    return this.#requests === 0 || (this.#requests < this.#max.requests && this.#bytes + bytes <= this.#max.bytes);
  }

  #admit(bytes: number): undefined {
    this.#requests += 1;
    this.#bytes += bytes;
    return undefined;
  }
}
