// The nemesis as data: which faults there are, and which of them come when. A seed gives the same schedule everywhere.
import { Seeded } from './seeded.ts';

/** Faults of one lane come one after the other; those of several lanes overlap. */
type Lane = 'nodes' | 'ways' | 'stores';

interface Kind {
  readonly lane: Lane;
  readonly says: string;
  /** How long it lasts; drawn so that short ones are more frequent. */
  readonly forMs: readonly [least: number, most: number];
  readonly on: 'node' | 'store' | 'all';
  /** Its strength, where it has one. */
  readonly strength?: readonly [least: number, most: number];
  /** At least one of these must be seen each time: a fault that nobody noticed has tested nothing. */
  readonly seenBy: readonly Effect[];
}

/** What can be seen of a fault: figures of the nodes, of the clients, or of the nemesis itself. */
export const effects = {
  lost: 'connections of clients lost',
  moved: 'clients that were sent to another node',
  refusedAppends: 'appends refused because another had written',
  unknown: 'writes of unknown outcome',
  again: 'statements tried again',
  forwards: 'commands forwarded',
  handedOver: 'chats that another node took over',
  resyncs: 'resyncs of devices',
  heals: 'heals of all sessions of a node',
  views: 'changes of a view',
  reconnects: 'reconnects to NATS',
  busy: 'sends held back (busy)',
  unavailable: 'requests refused (unavailable)',
  silent: 'questions to the node itself that it did not answer',
  cut: 'connections between a node and a service that ended',
  delayed: 'chunks that came late',
  late: 'sends that were answered only after more than a second',
  keys: 'keys gone from Redis',
  clock: 'times that the node was seen with a wrong clock',
} as const;
export type Effect = keyof typeof effects;

export const kinds = {
  killNode: { lane: 'nodes', on: 'node', forMs: [0, 3_000], says: 'a node is killed (-9), and started again', seenBy: ['lost', 'views'] },
  pauseNode: { lane: 'nodes', on: 'node', forMs: [1_000, 30_000], says: 'a node is stopped (SIGSTOP), and goes on', seenBy: ['silent', 'views', 'late'] },
  drainNode: { lane: 'nodes', on: 'node', forMs: [0, 1_000], says: 'a node is drained (SIGTERM), and started again', seenBy: ['moved', 'views'] },
  upgradeNode: { lane: 'nodes', on: 'node', forMs: [0, 1_000], says: 'a node is drained, and started again with the other feature level', seenBy: ['moved', 'views'] },
  jumpClock: {
    lane: 'nodes',
    on: 'node',
    forMs: [2_500, 6_000],
    strength: [5_000, 900_000], // one in five past the ten minutes that an access token lives
    says: 'the clock of a node jumps, forward or back, and later back again',
    seenBy: ['clock'],
  },
  cutNats: { lane: 'ways', on: 'node', forMs: [500, 10_000], says: 'a node is cut off from NATS', seenBy: ['reconnects', 'busy', 'views'] },
  cutStore: { lane: 'ways', on: 'node', forMs: [500, 8_000], says: 'a node is cut off from Cassandra', seenBy: ['cut'] },
  cutRedis: { lane: 'ways', on: 'node', forMs: [500, 5_000], says: 'a node is cut off from Redis', seenBy: ['cut'] },
  slowNats: { lane: 'ways', on: 'node', forMs: [1_000, 8_000], strength: [20, 400], says: 'the way of a node to NATS becomes slow', seenBy: ['delayed'] },
  slowStore: { lane: 'ways', on: 'node', forMs: [1_000, 8_000], strength: [20, 400], says: 'the way of a node to Cassandra becomes slow', seenBy: ['delayed'] },
  slowRedis: { lane: 'ways', on: 'node', forMs: [1_000, 5_000], strength: [20, 400], says: 'the way of a node to Redis becomes slow', seenBy: ['delayed'] },
  restartNats: { lane: 'ways', on: 'all', forMs: [0, 2_000], says: 'NATS is killed (-9), and started again', seenBy: ['reconnects'] },
  killStore: { lane: 'stores', on: 'store', forMs: [0, 2_000], says: 'a Cassandra node is killed (-9), and started again', seenBy: ['cut'] },
  pauseStore: { lane: 'stores', on: 'store', forMs: [1_000, 10_000], says: 'a Cassandra node is stopped (SIGSTOP), and goes on', seenBy: ['again', 'unknown', 'late'] },
  flushRedis: { lane: 'ways', on: 'all', forMs: [0, 0], says: 'everything in Redis is deleted', seenBy: ['keys'] },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];

export interface Fault {
  /** From 1, over all lanes. */
  readonly nth: number;
  readonly kind: KindName;
  /** The node or store that it hits, counted from 0. */
  readonly on: number;
  readonly forMs: number;
  readonly strength: number;
  /** A coin, for kinds that have two ways. */
  readonly heads: boolean;
  /** Until the next one of its lane. */
  readonly restMs: number;
}

export interface Wish {
  readonly seed: number;
  readonly faults: number;
  readonly kinds: readonly KindName[];
  readonly nodes: number;
  readonly stores: number;
  /** 1: never two at once. */
  readonly lanes: number;
}

const restMs = [300, 1_500] as const;

/** As many of each kind as of any other (but for one), in an order that is drawn; a list for each lane. */
export function scheduleOf({ seed, faults, kinds: wanted, nodes, stores, lanes }: Wish): readonly (readonly Fault[])[] {
  const seeded = new Seeded(seed);
  const deck: KindName[] = [];
  while (deck.length < faults) deck.push(...shuffled(wanted, seeded));
  const cards = shuffled(deck.slice(0, faults), seeded);
  const lists: Fault[][] = Array.from({ length: lanes }, () => []);
  for (const [at, kind] of cards.entries()) {
    const { lane, on, forMs, ...more }: Kind = kinds[kind];
    const list = lists[laneOf(lane, lanes)] as Fault[];
    list.push({
      nth: at + 1,
      kind,
      on: on === 'all' ? 0 : seeded.below(on === 'node' ? nodes : stores),
      forMs: Math.round(skewed(seeded, forMs, 2)),
      strength: more.strength === undefined ? 0 : Math.round(skewed(seeded, more.strength, 2)),
      heads: seeded.below(2) === 0,
      restMs: Math.round(skewed(seeded, restMs, 1)),
    });
  }
  return lists.filter((list) => list.length > 0);
}

/** Two lanes: nodes, and what is around them. Never are two nodes of the store away at once: they share a lane always. */
function laneOf(lane: Lane, lanes: number): number {
  const at = { nodes: 0, ways: 1, stores: 2 }[lane];
  return Math.min(at, lanes - 1);
}

function skewed(seeded: Seeded, [least, most]: readonly [number, number], power: number): number {
  return least + (most - least) * seeded.next() ** power;
}

function shuffled<Item>(items: readonly Item[], seeded: Seeded): Item[] {
  const left = [...items];
  return items.map(() => left.splice(seeded.below(left.length), 1)[0] as Item);
}
