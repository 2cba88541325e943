// What a simulated world asks of whoever serves it: one process at a time, or a cluster.
import type { Clock } from '../../src/structures/clock.ts';
import type { Faults } from './faults.ts';
import type { Network } from './network.ts';
import type { Draws } from './random.ts';
import type { Recording } from './recording.ts';
import type { InCluster, ServerProcess } from './server.ts';

/** Makes `happens` happen again and again, every `meanMs` on average, until the world heals; 0: never. */
export type Every = (kind: string, meanMs: number, happens: (random: Draws) => void) => void;

export interface Servers {
  readonly living: readonly ServerProcess[];
  begin(): void;
  /** Arms the faults that are theirs. */
  schedule(every: Every): void;
  /** The faults end: whoever should serve does, soon. */
  heal(): void;
}

export interface ServersNeeds {
  readonly clock: Clock;
  readonly random: Draws;
  readonly network: Network;
  readonly recording: Recording;
  readonly faults: () => Faults;
  /** A new process. */
  process(cluster?: InCluster): ServerProcess;
  /** Before a process ends: what it alone knows is looked at. */
  beforeEnd(): void;
}
