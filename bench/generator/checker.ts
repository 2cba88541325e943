// Judges every delivery: what one device sends to one chat must reach each other member once and in order. One counter per (receiver, sender), nothing kept per message.

/** How many missing messages are remembered one by one, to tell late from doubled; beyond it a late one counts as doubled. */
const gapsRememberedMax = 100_000;

export class DeliveryChecker {
  /** First arrivals, in whatever order. */
  received = 0;
  doubled = 0;
  /** Pushed after a later one of the same sender. */
  reordered = 0;
  /** Left out of the pushes and got by a pull, as the protocol has it for a device that lagged. */
  healed = 0;
  readonly #next: Uint32Array;
  readonly #gaps = new Set<string>();

  /** `flows`: how many (receiver, sender) pairs there are; each has an index. */
  constructor(flows: number) {
    this.#next = new Uint32Array(flows);
  }

  /** A push of the sender's message number `counter` (0, 1, 2 …) in that flow. */
  pushed(flow: number, counter: number): void {
    const next = this.#next[flow] as number;
    if (counter === next) {
      this.#next[flow] = next + 1;
      this.received += 1;
    } else if (counter > next) this.#skip(flow, next, counter);
    else if (this.#gaps.delete(`${flow} ${counter}`)) {
      this.received += 1;
      this.reordered += 1;
    } else this.doubled += 1;
  }

  /** The same message from an answer to a pull, which may repeat what was pushed and fill what was not. */
  pulled(flow: number, counter: number): void {
    const next = this.#next[flow] as number;
    if (counter > next) this.#skip(flow, next, counter);
    else if (counter === next) {
      this.#next[flow] = next + 1;
      this.received += 1;
      this.healed += 1;
    } else if (this.#gaps.delete(`${flow} ${counter}`)) {
      this.received += 1;
      this.healed += 1;
    }
  }

  /** Of `expected` deliveries in all flows, how many have not come. Final once nothing is under way. */
  lost(expected: number): number {
    return expected - this.received;
  }

  #skip(flow: number, next: number, counter: number): void {
    for (let gap = next; gap < counter && this.#gaps.size < gapsRememberedMax; gap += 1) this.#gaps.add(`${flow} ${gap}`);
    this.#next[flow] = counter + 1;
    this.received += 1;
  }
}
