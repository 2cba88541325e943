// Heartbeats and the cluster's level within one process, for tests: what is said is heard at once, unless the test has cut the way.
import type { Heartbeats } from './heartbeats.ts';
import type { LevelStore } from './membership.ts';
import type { Heartbeat } from './view.ts';

interface Party {
  readonly name: string;
  readonly hearing: ((heartbeat: Heartbeat) => void)[];
  readonly linked: ((isUp: boolean) => void)[];
}

export class MemoryHeartbeats {
  readonly #parties = new Set<Party>();
  /** Whether what the one says reaches the other. */
  reaches: (from: string, to: string) => boolean = () => true;

  /** `name`: of the process, where two have one node id. */
  party(name: string): Heartbeats {
    const own: Party = { name, hearing: [], linked: [] };
    this.#parties.add(own);
    return {
      publishHeartbeat: (heartbeat) => {
        for (const party of this.#parties) if (party !== own && this.reaches(name, party.name)) for (const hear of party.hearing) hear(heartbeat);
      },
      onHeartbeat: (hear) => void own.hearing.push(hear),
      onLinked: (hear) => void own.linked.push(hear),
    };
  }

  /** The process learns that its way to all others is cut, or free again. */
  link(name: string, isUp: boolean): void {
    for (const party of this.#parties) if (party.name === name) for (const hear of party.linked) hear(isUp);
  }
}

export function memoryLevels(level = 0): LevelStore {
  let reached = level;
  return {
    read: async () => reached,
    raise: async (to) => {
      reached = Math.max(reached, to);
    },
  };
}
