// Somebody who asks a node again and again while a fault lasts: each question needs Redis (how often was asked) and the store (the devices of the account), so that no way lies idle.
import { setTimeout as delay } from 'node:timers/promises';
import type { LogIn, Whereabouts } from './whereabouts.ts';

interface Asked {
  readonly apiUrl: string;
}

export interface Asking {
  /** Questions that it answered with: not now (503). */
  turnedAway: number;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

const everyMs = 150;
const answerMsMax = 6_000;

export class Prober {
  readonly #logIn: LogIn;

  private constructor(logIn: LogIn) {
    this.#logIn = logIn;
  }

  static async begin(whereabouts: Whereabouts, handle: string): Promise<Prober> {
    return new Prober(await whereabouts.register(handle));
  }

  /** Whether it is answered or not, the next question follows by the clock. */
  ask(nodes: readonly Asked[]): Asking {
    const over = new AbortController();
    const underWay = new Set<Promise<void>>();
    const asking: Asking = {
      turnedAway: 0,
      async stop() {
        over.abort();
        await running;
        await Promise.all(underWay);
      },
    };
    const one = async ({ apiUrl }: Asked): Promise<void> => {
      const status = await this.#statusOf(apiUrl, over.signal);
      if (status === 503) asking.turnedAway += 1;
    };
    const running = (async () => {
      while (!over.signal.aborted) {
        for (const node of nodes) {
          const question = one(node).finally(() => underWay.delete(question));
          underWay.add(question);
        }
        await delay(everyMs);
      }
    })();
    return asking;
  }

  /** Undefined: no answer. */
  async #statusOf(apiUrl: string, over: AbortSignal): Promise<number | undefined> {
    try {
      const token = await this.#logIn.accessToken(false);
      const { status, body } = await fetch(`${apiUrl}/v1/devices`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.any([over, AbortSignal.timeout(answerMsMax)]),
      });
      await body?.cancel();
      return status;
    } catch {
      return undefined;
    }
  }
}
