// Where clients connect: to any node, and to another one when theirs is gone. Log-ins that are renewed at whichever node answers.
import { setTimeout as delay } from 'node:timers/promises';
import { fetchAccounts } from '../../src/sdk/accounts.fetch.ts';
import { HttpRefused, type Tokens } from '../../src/sdk/accounts.ts';
import { systemClock } from '../../src/sdk/clock.system.ts';
import { memoryStorage } from '../../src/sdk/storage.memory.ts';
import { loginOf, TokenKeeper } from '../../src/sdk/tokens.ts';
import type { DeviceId } from '../../src/structures/ids.ts';
import type { Seeded } from './seeded.ts';

export interface Address {
  readonly name: string;
  readonly socketUrl: string;
  readonly apiUrl: string;
}

export interface LogIn {
  readonly tokens: Tokens;
  /** Rejects where no node can be asked just now. */
  accessToken(fresh: boolean): Promise<string>;
}

const password = 'correct horse battery';
const tryMs = 500;
const patienceMs = 60_000;

export class Whereabouts {
  readonly #addresses: readonly Address[];
  readonly #seeded: Seeded;

  constructor(addresses: readonly Address[], seeded: Seeded) {
    this.#addresses = addresses;
    this.#seeded = seeded;
  }

  /** Any of them, but for `not` where there is another. A client knows no more than that: who is down it finds out by trying. */
  any(not?: string): Address {
    const others = this.#addresses.filter(({ name }) => name !== not);
    return this.#seeded.of(others.length > 0 ? others : this.#addresses);
  }

  /** A new account with a first device. */
  async register(handle: string): Promise<LogIn> {
    return this.#keep(handle, await this.#insist((apiUrl) => fetchAccounts(apiUrl).register({ handle, password, deviceName: 'first' })));
  }

  /** Another device of it, or the same one again. */
  async logIn(handle: string, deviceId?: DeviceId): Promise<LogIn> {
    return this.#keep(handle, await this.#insist((apiUrl) => fetchAccounts(apiUrl).logIn({ handle, password, deviceName: 'another', ...(deviceId && { deviceId }) })));
  }

  async #keep(handle: string, tokens: Tokens): Promise<LogIn> {
    const clock = systemClock();
    const storage = memoryStorage();
    await storage.open();
    const { apiUrl } = this.any();
    const accounts = { ...fetchAccounts(apiUrl), refresh: (token: string) => fetchAccounts(this.any().apiUrl).refresh(token) };
    const keeper = new TokenKeeper(loginOf(tokens, { url: apiUrl, handle }, clock), accounts, storage, clock);
    return { tokens, accessToken: (fresh) => keeper.accessToken(fresh) };
  }

  /** At one node after the other, until one answers. */
  async #insist<Answer>(ask: (apiUrl: string) => Promise<Answer>): Promise<Answer> {
    const startedMs = performance.now();
    for (let last: string | undefined; ; ) {
      const { name, apiUrl } = this.any(last);
      try {
        return await ask(apiUrl);
      } catch (error) {
        if ((error instanceof HttpRefused && error.status < 429) || performance.now() - startedMs > patienceMs) throw error;
        last = name;
        await delay(tryMs);
      }
    }
  }
}
