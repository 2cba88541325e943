// One process and its disk: every port fulfilled without a service beside it.
import { randomBytes } from 'node:crypto';
import { systemClock } from './actors/runtime/clock.ts';
import { localLink } from './cluster/link.local.ts';
import type { Settings } from './config.ts';
import type { NodePorts } from './node.ts';
import { memoryRateLimits } from './store/rate-limits.memory.ts';
import { type LevelOptions, type LevelStores, openLevelStores } from './store/stores.level.ts';

export interface EmbeddedPorts extends NodePorts {
  readonly stores: LevelStores;
}

/** Rejects with a text that says what to do where the directory is in use or holds newer data. */
export async function embeddedPorts(settings: Settings, { onReport, onCommit }: Pick<LevelOptions, 'onReport' | 'onCommit'>): Promise<EmbeddedPorts> {
  const clock = systemClock();
  const random = Math.random;
  const node = 'alone';
  return {
    stores: await openLevelStores({ directory: settings.PARLEY_DATA, random, clock, onReport, ...(onCommit && { onCommit }) }),
    rateLimits: memoryRateLimits(),
    clock,
    random,
    randomBytes,
    node,
    linkTo: (receiver) => localLink(node, receiver),
  };
}
