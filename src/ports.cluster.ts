// A node that is one of many: NATS between the nodes, Cassandra or ScyllaDB for what must last, Redis (or each node's memory) for what may be lost.
import { randomBytes } from 'node:crypto';
import { systemClock } from './actors/runtime/clock.ts';
import { NatsLink } from './cluster/link.nats.ts';
import { connectToNats } from './cluster/link-connect.nats.ts';
import { type LinkOptions, linkOptionsOf } from './cluster/link-settings.ts';
import { drawLife } from './cluster/membership.ts';
import type { Settings } from './config.ts';
import type { NodePorts } from './node.ts';
import { type CqlOptions, cqlOptionsOf } from './store/cql-settings.ts';
import { memoryPresence } from './store/presence.memory.ts';
import { memoryRateLimits } from './store/rate-limits.memory.ts';
import { redisOptionsOf } from './store/redis-settings.ts';
import { openCqlStores } from './store/stores.cql.ts';
import { openRedisVolatile } from './store/volatile.redis.ts';

export interface Reporting {
  onReport(report: { readonly level: 'info' | 'warn' | 'error'; readonly says: string }): void;
}

/** Rejects with a text that says what to do where NATS or the store is out of reach, or does not want this node. Redis may be away: that is said, and the node serves. */
export async function clusterPorts(settings: Settings, { onReport }: Reporting): Promise<NodePorts> {
  const { PARLEY_NODE: node } = settings;
  const clock = systemClock();
  const random = Math.random;
  const opened: (() => Promise<void>)[] = [];
  try {
    const options = linkOptionsOf(settings) as LinkOptions; // config.ts has seen to it that there are both
    const connection = await connectToNats(options, node, random);
    opened.push(() => connection.close());
    const stores = await openCqlStores({ ...(cqlOptionsOf(settings) as CqlOptions), node, onReport });
    opened.push(() => stores.close());
    const redis = redisOptionsOf(settings);
    const volatile = redis && (await openRedisVolatile(redis, node, { onReport }));
    if (volatile === undefined)
      onReport({ level: 'warn', says: 'Without Redis (PARLEY_REDIS) each node limits rates for itself, and knows of nobody on other nodes when they were last seen.' });
    const life = drawLife(clock.nowMs(), random);
    let link: NatsLink | undefined;
    const { prefix, pendingBytesMax } = options;
    return {
      stores: { ...stores, presence: volatile?.presence ?? memoryPresence(), close: () => (volatile?.close() ?? Promise.resolve()).then(() => stores.close()) },
      rateLimits: volatile?.rateLimits ?? memoryRateLimits(),
      ...(volatile && { redisUp: volatile.isUp }),
      clock,
      wallMs: Date.now,
      random,
      randomBytes,
      node,
      appendChain: (chatId) => stores.appendChain(chatId),
      cluster: { life, level: settings.PARLEY_FEATURE_LEVEL, levels: stores.featureLevel, link: () => link?.counts, store: () => stores.counts() },
      linkTo(receiver, events) {
        const onFault = (fault: Error): void => onReport({ level: 'warn', says: `Between nodes: ${fault.message}` });
        link = new NatsLink({ connection, node, life, prefix, pendingBytesMax, clock, random, receiver, events, onFault });
        return link;
      },
    };
  } catch (error) {
    for (const close of opened.toReversed()) await close().catch(() => undefined);
    throw error;
  }
}
