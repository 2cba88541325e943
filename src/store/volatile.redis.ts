// What may be lost (presence, last seen, rate limits), kept in Redis for all nodes.
import { RedisConnection, type RedisConnectionNeeds } from './connection.redis.ts';
import { redisPresence } from './presence.redis.ts';
import type { PresenceStore } from './presence.ts';
import { memoryRateLimits } from './rate-limits.memory.ts';
import { redisRateLimits } from './rate-limits.redis.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RedisOptions } from './redis-settings.ts';

export interface RedisVolatile {
  readonly presence: PresenceStore;
  readonly rateLimits: RateLimits;
  /** Whether Redis answers now. */
  isUp(): boolean;
  close(): Promise<void>;
}

/** Resolves also when Redis is out of reach. Throws StoreRefused, with what to do about it, for settings that will never work. */
export async function openRedisVolatile(options: RedisOptions, node: string, needs: RedisConnectionNeeds): Promise<RedisVolatile> {
  const connection = await RedisConnection.open(options, needs);
  const presence = redisPresence(connection, { node });
  return {
    presence,
    rateLimits: redisRateLimits(connection, memoryRateLimits()),
    isUp: () => connection.isUp,
    async close() {
      await presence.close();
      connection.close();
    },
  };
}
