// One process and its disk: every port fulfilled without a service beside it.
import { randomBytes } from 'node:crypto';
import { systemClock } from './actors/runtime/clock.ts';
import { localLink } from './cluster/link.local.ts';
import type { Settings } from './config.ts';
import type { NodePorts } from './node.ts';
import { memoryRateLimits } from './store/rate-limits.memory.ts';
import { redisOptionsOf } from './store/redis-settings.ts';
import { type LevelOptions, type LevelStores, openLevelStores } from './store/stores.level.ts';
import { openRedisVolatile, type RedisVolatile } from './store/volatile.redis.ts';
import { nodeEventLoop } from './structures/event-loop.node.ts';
import { nodeThreads } from './structures/threads.node.ts';

export interface EmbeddedPorts extends NodePorts {
  readonly stores: LevelStores;
}

/** Rejects with a text that says what to do where the directory is in use or holds newer data. */
export async function embeddedPorts(settings: Settings, { onReport, onCommit }: Pick<LevelOptions, 'onReport' | 'onCommit'>): Promise<EmbeddedPorts> {
  const clock = systemClock();
  const random = Math.random;
  const node = 'alone';
  const volatile = await volatileOf(settings, node, onReport);
  const stores = await openLevelStores({
    directory: settings.PARLEY_DATA,
    random,
    clock,
    threads: nodeThreads,
    loop: nodeEventLoop,
    onReport,
    ...(onCommit && { onCommit }),
  }).catch(async (error: unknown) => {
    await volatile?.close();
    throw error;
  });
  return {
    stores: volatile ? withVolatile(stores, volatile) : stores,
    rateLimits: volatile?.rateLimits ?? memoryRateLimits(),
    ...(volatile && { redisUp: volatile.isUp }),
    clock,
    wallMs: Date.now,
    random,
    randomBytes,
    node,
    linkTo: (receiver) => localLink(node, receiver),
  };
}

/** One process may share its limits and last seen with others, or keep them over a restart; without Redis they are in its memory. */
async function volatileOf(settings: Settings, node: string, onReport: LevelOptions['onReport']): Promise<RedisVolatile | undefined> {
  const options = redisOptionsOf(settings);
  return options && openRedisVolatile(options, node, { onReport });
}

function withVolatile(stores: LevelStores, volatile: RedisVolatile): LevelStores {
  return {
    ...stores,
    presence: volatile.presence,
    async close() {
      await volatile.close();
      await stores.close();
    },
  };
}
