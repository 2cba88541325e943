// Accounts over memory stores, with a clock that the test moves.
import { randomBytes } from 'node:crypto';
import { type AccountNeeds, type Accounts, accounts } from '../../src/services/accounts.ts';
import type { Passwords } from '../../src/services/auth.ts';
import { argon2Passwords } from '../../src/services/passwords.argon2.ts';
import { type RateRules, rateGuard, scaledRules } from '../../src/services/rate-limits.ts';
import { isRefused, type Refused, type RefusedWhy } from '../../src/services/refused.ts';
import { joseAccessTokens } from '../../src/services/tokens.jose.ts';
import type { Tokens } from '../../src/services/tokens.ts';
import { memoryRateLimits } from '../../src/store/rate-limits.memory.ts';
import { type MemoryOptions, type MemoryStores, memoryStores } from '../../src/store/stores.memory.ts';

export interface World extends Accounts {
  readonly stores: MemoryStores;
  readonly needs: AccountNeeds;
  /** `[userId, deviceId]` of each call of onRevoked. */
  readonly revoked: [string, string][];
  nowMs: number;
  /** The store's own clock, apart from the node's by `storeAheadMs`. */
  storeAheadMs: number;
}

export interface WorldOptions extends MemoryOptions {
  readonly registration?: 'open' | 'closed';
  readonly rules?: RateRules;
  readonly nowMs?: number;
}

let shared: Promise<Passwords> | undefined;

export async function world({ registration = 'open', rules = scaledRules(1_000), ...options }: WorldOptions = {}): Promise<World> {
  const hours = { nowMs: options.nowMs ?? 1_800_000_000_000, storeAheadMs: 0 };
  const stores = memoryStores({ ...options, storeNowMs: () => hours.nowMs + hours.storeAheadMs });
  const revoked: [string, string][] = [];
  shared ??= argon2Passwords();
  const nowMs = () => hours.nowMs;
  const needs: AccountNeeds = {
    stores,
    access: await joseAccessTokens({ store: stores.tokens, issuer: 'test', nowMs, randomBytes }),
    passwords: await shared,
    rates: rateGuard(memoryRateLimits(), rules),
    registration,
    nowMs,
    randomBytes,
    onRevoked: (userId, deviceId) => revoked.push([userId, deviceId]),
  };
  return Object.assign(hours, { ...accounts(needs), stores, needs, revoked });
}

export const password = 'correct horse';
export const address = '192.0.2.1';

export async function registered({ auth }: World, handle = 'ann'): Promise<Tokens> {
  return good(await auth.register({ handle, password, deviceName: 'phone' }, address));
}

export function good<Answer extends object>(answer: Answer | Refused): Answer {
  if (isRefused(answer)) throw new Error(`refused: ${answer.refused}`);
  return answer as Answer;
}

export function refusedWhy(answer: object | undefined): RefusedWhy | undefined {
  return isRefused(answer) ? answer.refused : undefined;
}
