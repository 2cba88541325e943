// Nodes that hear of each other by links and write down what they hear, for tests.
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from '../../src/cluster/envelope.ts';
import type { Link, LinkEvents, LostWhy, Receiver } from '../../src/cluster/link.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';

export type Heard =
  | { readonly on: 'node'; readonly envelope: ToNode }
  | { readonly on: 'user'; readonly id: UserId; readonly envelope: ToUser }
  | { readonly on: 'chat'; readonly id: ChatId; readonly envelope: ToChatAudiences }
  | { readonly on: 'presence'; readonly id: UserId; readonly envelope: ToWatchers }
  | { readonly on: 'all'; readonly envelope: ToAll }
  | { readonly on: 'linked'; readonly isUp: boolean }
  | { readonly on: 'lost'; readonly why: LostWhy };

const waitMsMax = 20_000;

/** What one node has heard, in its order. */
export class Ears implements Receiver, LinkEvents {
  readonly heard: Heard[] = [];
  readonly faults: Error[] = [];
  /** Runs within the call that brought it. */
  answer: (heard: Heard) => void = () => undefined;
  #waiting: (() => void)[] = [];

  fromNode(envelope: ToNode): void {
    this.#take({ on: 'node', envelope });
  }
  forUser(id: UserId, envelope: ToUser): void {
    this.#take({ on: 'user', id, envelope });
  }
  forChat(id: ChatId, envelope: ToChatAudiences): void {
    this.#take({ on: 'chat', id, envelope });
  }
  forWatchers(id: UserId, envelope: ToWatchers): void {
    this.#take({ on: 'presence', id, envelope });
  }
  fromAll(envelope: ToAll): void {
    this.#take({ on: 'all', envelope });
  }
  linked(isUp: boolean): void {
    this.#take({ on: 'linked', isUp });
  }
  lost(why: LostWhy): void {
    this.#take({ on: 'lost', why });
  }
  fault(fault: Error): void {
    this.faults.push(fault);
    this.#wake();
  }

  of<On extends Heard['on']>(on: On): Extract<Heard, { on: On }>[] {
    return this.heard.filter((one): one is Extract<Heard, { on: On }> => one.on === on);
  }

  /** Resolves once `holds`, which is asked after each thing heard. Fails with what was heard. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + waitMsMax;
    while (!holds()) {
      const leftMs = deadline - performance.now();
      let timer: NodeJS.Timeout | undefined;
      const woken = new Promise<boolean>((resolve) => {
        this.#waiting.push(() => resolve(true));
        timer = setTimeout(() => resolve(false), leftMs);
      });
      const isInTime = await woken;
      clearTimeout(timer);
      if (!isInTime)
        throw new Error(`${what}: not within ${waitMsMax} ms; heard ${this.heard.length}, the last: ${JSON.stringify(this.heard.slice(-5))}; faults: ${this.faults.join('; ')}`);
    }
  }

  /** Resolves once so many have come on that kind of address. */
  async count(on: Heard['on'], count: number): Promise<void> {
    await this.until(() => this.of(on).length >= count, `${count} on ${on}`);
  }

  #take(heard: Heard): void {
    this.heard.push(heard);
    this.answer(heard);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

export interface Member<L extends Link = Link> {
  readonly link: L;
  readonly ears: Ears;
}

/** One place where nodes meet. */
export interface Meeting {
  join(node: string): Promise<Member>;
  end(): Promise<void>;
}
