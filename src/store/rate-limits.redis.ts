// Rate limits that all nodes share, in Redis. While it is out of reach each node counts for itself, in bounded memory.
import { createHash } from 'node:crypto';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisConnection } from './connection.redis.ts';
import type { RateLimits, RateRule } from './rate-limits.ts';

/** Longer keys are kept as their hash. */
const keyMax = 96;

/**
 * What is refused is not counted, so that a point given back is there for the next; and what was never taken is not given back.
 * KEYS: the counter. ARGV: points (−1: back), -, limit, window in seconds. Answers the count and what is left of the window in ms.
 */
const countScript = `
local points = tonumber(ARGV[1])
local count = tonumber(redis.call('get', KEYS[1]) or '0')
local left = redis.call('pttl', KEYS[1])
local windowMs = math.ceil(tonumber(ARGV[4]) * 1000)
if points < 0 then
  if count > 0 then count = redis.call('decr', KEYS[1]) end
  return {count, left}
end
if count + points > tonumber(ARGV[3]) and left > 0 then return {count + points, left} end
count = redis.call('incrby', KEYS[1], points)
if left <= 0 then
  redis.call('pexpire', KEYS[1], windowMs)
  left = windowMs
end
return {count, left}`;

/** `alone` counts while Redis does not. */
export function redisRateLimits(connection: RedisConnection, alone: RateLimits): RateLimits {
  const limiters = new Map<string, RateLimiterRedis>();
  const limiterOf = (rule: RateRule): RateLimiterRedis => {
    const known = limiters.get(rule.name);
    if (known !== undefined) return known;
    const made = new RateLimiterRedis({
      storeClient: connection.client,
      points: rule.points,
      duration: Math.max(1, rule.perMs / 1_000), // the library counts in seconds
      keyPrefix: `${connection.prefix}:limit:${rule.name}`,
      customIncrTtlLuaScript: countScript,
    });
    limiters.set(rule.name, made);
    return made;
  };
  return {
    async take(rule, key) {
      try {
        return await connection.run(() => taken(limiterOf(rule), keptKey(key)));
      } catch {
        return alone.take(rule, key); // why is reported by the connection, once
      }
    },
    async giveBack(rule, key) {
      try {
        await connection.run(() => limiterOf(rule).reward(keptKey(key)));
      } catch {
        await alone.giveBack(rule, key);
      }
    },
  };
}

async function taken(limiter: RateLimiterRedis, key: string): Promise<number> {
  try {
    await limiter.consume(key);
    return 0;
  } catch (over) {
    if (over instanceof Error) throw over;
    return Math.max(1, (over as RateLimiterRes).msBeforeNext);
  }
}

function keptKey(key: string): string {
  return key.length <= keyMax ? key : createHash('sha256').update(key).digest('base64url');
}
