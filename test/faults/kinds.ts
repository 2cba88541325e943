// The nemesis as data: which faults there are, whom they hit, and by what they must be seen.

export type Way = 'nats' | 'store' | 'redis';

export interface Kind {
  readonly says: string;
  /** How long it lasts at least; drawn so that short ones are more frequent. It goes on until it was seen, within bounds. */
  readonly forMs: readonly [least: number, most: number];
  readonly on: 'node' | 'store' | 'all';
  /** Of what it hits: no two faults that hit the same are under way at once. */
  readonly hits: 'process' | 'clock' | 'nats' | 'ways to the store' | 'stores' | 'redis';
  /** Of its node, the way that it takes; left out: all of them, nothing else is done to that node meanwhile. */
  readonly way?: Way;
  /** Its strength, where it has one. */
  readonly strength?: readonly [least: number, most: number];
  /** At least one of these must be seen each time, of whom it hits: a fault that nobody noticed has tested nothing. */
  readonly seenBy: readonly Effect[];
  /** What shows it comes with the healing. */
  readonly seenAfter?: true;
  /** What faults of this kind must have caused, all of them together and anywhere. */
  readonly causes: readonly Effect[];
}

/** What can be seen of a fault: figures of the nodes, of the clients, or of the nemesis itself. */
export const effects = {
  lost: 'connections of clients lost',
  moved: 'clients that were sent to another node',
  missed: 'looks at other nodes, which saw it drain, silent or gone',
  silent: 'questions to the node itself that it did not answer',
  held: 'looks at the node while it held sends back',
  turnedAway: 'requests to the node itself that it could not do (503)',
  grey: 'looks at the node while it was without Redis',
  clock: 'times that the node was seen with a wrong clock',
  cut: 'connections to the service that ended',
  owed: 'nodes that asked it and had no answer for half a second',
  delayed: 'chunks that came late',
  keys: 'keys gone from Redis',
  rewritten: 'nodes that wrote themselves into Redis again',
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
  late: 'sends that were answered only after more than a second',
} as const;
/** Told of the one that it is seen at; all others may show anywhere. */
export const ofOne = ['lost', 'moved', 'missed', 'silent', 'held', 'grey', 'clock'] as const satisfies readonly Effect[];
export type Effect = keyof typeof effects;

export const kinds = {
  killNode: {
    hits: 'process',
    on: 'node',
    forMs: [0, 3_000],
    says: 'a node is killed (-9), and started again',
    seenBy: ['lost', 'missed'],
    causes: ['lost', 'missed', 'resyncs', 'handedOver'],
  },
  pauseNode: {
    hits: 'process',
    on: 'node',
    forMs: [1_000, 30_000],
    says: 'a node is stopped (SIGSTOP), and goes on',
    seenBy: ['silent', 'missed'],
    causes: ['silent', 'missed', 'refusedAppends', 'forwards', 'resyncs'],
  },
  drainNode: {
    hits: 'process',
    on: 'node',
    forMs: [0, 1_000],
    says: 'a node is drained (SIGTERM), and started again',
    seenBy: ['moved', 'missed'],
    causes: ['moved', 'missed', 'resyncs', 'handedOver'],
  },
  upgradeNode: {
    hits: 'process',
    on: 'node',
    forMs: [0, 1_000],
    says: 'a node is drained, and started again with the other feature level',
    seenBy: ['moved', 'missed'],
    causes: ['moved', 'missed', 'resyncs', 'handedOver'],
  },
  jumpClock: {
    hits: 'clock',
    on: 'node',
    forMs: [2_500, 6_000],
    says: 'the clock of a node jumps, forward or back, and later back again',
    strength: [5_000, 900_000], // one in five past the ten minutes that an access token lives
    seenBy: ['clock'],
    causes: ['clock'],
  },
  cutNats: {
    hits: 'nats',
    way: 'nats',
    on: 'node',
    forMs: [500, 10_000],
    says: 'a node is cut off from NATS',
    seenBy: ['held'],
    causes: ['held', 'busy', 'reconnects', 'handedOver', 'heals', 'resyncs'],
  },
  cutStore: {
    hits: 'ways to the store',
    way: 'store',
    on: 'node',
    forMs: [500, 8_000],
    says: 'a node is cut off from Cassandra',
    seenBy: ['turnedAway'],
    causes: ['cut', 'again', 'turnedAway'],
  },
  cutRedis: {
    hits: 'redis',
    way: 'redis',
    on: 'node',
    forMs: [500, 5_000],
    says: 'a node is cut off from Redis',
    seenBy: ['grey'],
    causes: ['cut', 'grey'],
  },
  slowNats: {
    hits: 'nats',
    way: 'nats',
    on: 'node',
    forMs: [1_000, 8_000],
    strength: [20, 400],
    says: 'the way of a node to NATS becomes slow',
    seenBy: ['delayed'],
    causes: ['delayed'],
  },
  slowStore: {
    hits: 'ways to the store',
    way: 'store',
    on: 'node',
    forMs: [1_000, 8_000],
    strength: [20, 400],
    says: 'the way of a node to Cassandra becomes slow',
    seenBy: ['delayed'],
    causes: ['delayed'],
  },
  slowRedis: {
    hits: 'redis',
    way: 'redis',
    on: 'node',
    forMs: [1_000, 5_000],
    strength: [20, 400],
    says: 'the way of a node to Redis becomes slow',
    seenBy: ['delayed'],
    causes: ['delayed'],
  },
  restartNats: {
    hits: 'nats',
    on: 'all',
    forMs: [0, 2_000],
    says: 'NATS is killed (-9), and started again',
    seenBy: ['reconnects'],
    seenAfter: true,
    causes: ['reconnects', 'heals', 'resyncs'],
  },
  killStore: {
    hits: 'stores',
    on: 'store',
    forMs: [0, 2_000],
    says: 'a Cassandra node is killed (-9), and started again',
    seenBy: ['cut'],
    causes: ['cut', 'again', 'unknown'],
  },
  pauseStore: {
    hits: 'stores',
    on: 'store',
    forMs: [1_000, 10_000],
    says: 'a Cassandra node is stopped (SIGSTOP), and goes on',
    seenBy: ['owed'],
    causes: ['owed', 'again', 'unknown', 'late'],
  },
  flushRedis: {
    hits: 'redis',
    on: 'all',
    forMs: [0, 0],
    says: 'everything in Redis is deleted',
    seenBy: ['rewritten'],
    seenAfter: true,
    causes: ['keys', 'rewritten'],
  },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];
