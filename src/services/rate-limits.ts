// How often each thing may be asked for: the one table, and the guard that applies it.
import type { RateLimits, RateRule } from '../store/rate-limits.ts';
import type { Refused } from './refused.ts';

const minuteMs = 60_000;

/** The part of the name after `By` says what is counted: an address, a handle, a user. Log-ins count while they fail; one that succeeds gives its points back. */
export const rateRules = {
  requestByAddress: rule('requestByAddress', 3_000, minuteMs), // every request, before anything else is looked at
  registerByAddress: rule('registerByAddress', 60, 60 * minuteMs),
  logInByAddressAndHandle: rule('logInByAddressAndHandle', 10, 15 * minuteMs),
  logInByAddress: rule('logInByAddress', 100, 15 * minuteMs),
  // Loose, because whoever fails on purpose locks the handle's owner out of new log-ins (never out of refreshing).
  logInByHandle: rule('logInByHandle', 200, 60 * minuteMs),
  refreshByAddress: rule('refreshByAddress', 600, minuteMs),
  readByUser: rule('readByUser', 600, minuteMs),
  changeByUser: rule('changeByUser', 60, minuteMs),
} as const satisfies Record<string, RateRule>;

export type RateName = keyof typeof rateRules;
export type RateRules = Readonly<Record<RateName, RateRule>>;

/** The same table with more (or fewer) points everywhere, at least one each: for an operator whose users share few addresses, and for load tests. */
export function scaledRules(factor: number, rules: RateRules = rateRules): RateRules {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, { ...rule, points: Math.max(1, Math.round(rule.points * factor)) }])) as unknown as RateRules;
}

export interface RateGuard {
  /** Undefined: go on. */
  take(name: RateName, key: string): Promise<Refused | undefined>;
  giveBack(name: RateName, key: string): Promise<void>;
}

export function rateGuard(limits: RateLimits, rules: RateRules = rateRules): RateGuard {
  return {
    async take(name, key) {
      const retryAfterMs = await limits.take(rules[name], key);
      return retryAfterMs === 0 ? undefined : { refused: 'rateLimited', retryAfterMs };
    },
    giveBack: (name, key) => limits.giveBack(rules[name], key),
  };
}

/** What counts as one address: an IPv4 address, mapped into IPv6 or not, or the /64 that one IPv6 customer is given. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const filled = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after];
  return `${filled
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`;
}

function rule(name: string, points: number, perMs: number): RateRule {
  return { name, points, perMs };
}
