// Nodes that see each other by heartbeats in one process, on a clock that stands still: for tests.

import { MemoryHeartbeats, memoryLevels } from '../../src/cluster/membership.memory.ts';
import { ClusterMembership, drawLife, type LevelStore, type MembershipEvents } from '../../src/cluster/membership.ts';
import { FakeClock } from '../sim/clock.ts';

export interface Seen {
  changes: number;
  missed: number;
  heals: number;
  sentAway: number;
  /** `yields` of each twin. */
  readonly twins: boolean[];
}
export interface Node {
  /** Of the process: `a`, or `a'` for another of the same node id. */
  readonly name: string;
  readonly membership: ClusterMembership;
  readonly seen: Seen;
  /** It is gone without a word. */
  kill(): void;
}

export class Members {
  readonly clock = new FakeClock();
  readonly heartbeats = new MemoryHeartbeats();
  readonly levels: LevelStore = memoryLevels();
  readonly #dead = new Set<string>();
  /** Groups that don't hear each other; none: all do. */
  #groups: readonly (readonly string[])[] = [];

  constructor() {
    this.heartbeats.reaches = (from, to) => {
      if (this.#dead.has(from) || this.#dead.has(to)) return false;
      return this.#groups.length === 0 || this.#groups.some((group) => group.includes(from) && group.includes(to));
    };
  }

  node(name: string, level = 1): Node {
    const seen: Seen = { changes: 0, missed: 0, heals: 0, sentAway: 0, twins: [] };
    const membership = new ClusterMembership({
      node: name.replaceAll("'", ''),
      life: drawLife(this.clock.nowMs(), () => 0),
      level,
      clock: this.clock,
      heartbeats: this.heartbeats.party(name),
      levels: this.levels,
      load: () => ({ sessions: 0, chats: 0 }),
      url: () => `ws://${name}`,
    });
    const events: MembershipEvents = {
      changed(missed) {
        seen.changes += 1;
        if (missed) seen.missed += 1;
      },
      heal() {
        seen.heals += 1;
      },
      sendAway() {
        seen.sentAway += 1;
      },
      twin: (yields) => void seen.twins.push(yields),
    };
    membership.hear(events);
    return { name, membership, seen, kill: () => void this.#dead.add(name) };
  }

  /** They have all joined, and the view has been stable. */
  async settled(...names: string[]): Promise<Node[]> {
    const nodes = names.map((name) => this.node(name));
    const joining = nodes.map(({ membership }) => membership.join());
    await this.clock.advance(15_000);
    await Promise.all(joining);
    return nodes;
  }

  split(...groups: readonly (readonly string[])[]): void {
    this.#groups = groups;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }
}

export function namesSeen({ membership }: Node): string {
  return membership
    .describe()
    .nodes.map(({ node }) => node)
    .join(' ');
}
