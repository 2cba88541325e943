// One cluster under one-to-one traffic, of users at home where their chats are owned and of users anywhere, by turns: what the nodes' processors did, by whose code it was.
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, type ClusterOptions } from '../../scripts/services/cluster.ts';
import { placementOf } from '../../src/cluster/placement.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { openCqlStores } from '../../src/store/stores.cql.ts';
import { mintAccountsIn } from '../accounts.ts';
import { type Split, sumOfSplits } from '../cpu-profile.ts';
import type { Account } from '../generator/device.ts';
import type { Endpoint } from '../generator/socket.ts';
import type { Window, WindowResult } from '../generator/traffic.ts';
import { noNews } from '../output/steps.ts';
import { chooseCores, pinMainThread, pinProcess, slackenTimers } from '../targets/pinned.ts';
import type { Target } from '../targets/target.ts';
import { type CassandraPart, Moment, type Stretch } from './hop-moment.ts';
import { ourFunctions, type Profiles, profilesOf, splitBetween } from './hop-profiles.ts';
import { noStops, Side } from './side.ts';

export interface HopOptions {
  readonly nodes: number;
  /** Messages a second, all nodes together. */
  readonly rate: number;
  /** Direct chats of either kind. */
  readonly pairs: number;
  /** Messages that each node sees before it is measured, so that all of them run compiled code. */
  readonly warmPerNode: number;
  /** Of either kind. */
  readonly measuredMs: number;
  /** The two kinds are measured by turns, so that what happens on the machine meanwhile hits both. */
  readonly rounds: number;
  /** As for the services. */
  readonly apart: boolean;
  readonly profilesTo: string;
  readonly say: (text: string) => void;
}

export interface ServiceOptions {
  /** What the nodes write as they end. */
  readonly profilesTo: string;
  /**
   * The nodes' main threads have the first core to themselves, and what they stand on, the load too, has the others: as it is where the store has machines of its own.
   * Their other threads stay where they are: the one that takes the samples would come to its turn on their core when they have done.
   */
  readonly apart: boolean;
  readonly store: NonNullable<ClusterOptions['store']>;
  /**
   * How late Cassandra's timers may come, in microseconds; 0: as late as the system lets them. While there is something to do now and then, its idle workers look for more
   * about 30,000 times a second, whatever the rate, which takes more than the work itself.
   */
  readonly slackUs: number;
  /** How often the nodes are looked at, in microseconds. At 500 the profiler takes more than a node that has little to do. */
  readonly samplingUs: number;
  readonly say: (text: string) => void;
}

/** NATS, Cassandra and no nodes yet: one for all runs, since Cassandra takes less and less while it compiles itself. */
export async function startServices({ profilesTo, apart, store, slackUs, samplingUs, say }: ServiceOptions): Promise<Cluster> {
  const nodeOptions = ['--cpu-prof', '--cpu-prof-dir', profilesTo, '--cpu-prof-interval', `${samplingUs}`];
  const { generator } = chooseCores(); // before anything is pinned
  const cluster = await Cluster.start({ nodes: 0, redis: false, nodeOptions, store, environment: { PARLEY_LOG: 'warn' } }, say);
  const stores = cluster.cassandra.nodes.map(({ pid }) => pid as number);
  if (slackUs > 0) for (const pid of stores) slackenTimers(pid, slackUs);
  if (apart) for (const pid of [process.pid, cluster.nats.pid as number, ...stores]) pinProcess(pid, generator);
  return cluster;
}

/** Times in microseconds per delivered message, over all nodes, without what these take while nothing happens. */
export interface HopCost {
  /** Envelopes that came from other nodes, per delivered message. */
  readonly hops: number;
  readonly split: Split;
  readonly otherThreads: number;
  readonly natsServer: number;
  readonly cassandra: Readonly<Record<CassandraPart, number>>;
  /** Share of a core that the main thread of a node was at work, on the average. */
  readonly busy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Lost, doubled, reordered. */
  readonly faults: number;
}

/** Both users connected to the node that owns their chat; or all users connected to the nodes in turn, wherever their chats are owned. */
export const hopKinds = ['home', 'anywhere'] as const;
export type HopKind = (typeof hopKinds)[number];
export type HopCosts = Readonly<Record<HopKind, HopCost>>;

export interface HopRun extends HopCosts {
  readonly nodes: number;
  /** Each by itself. */
  readonly rounds: readonly HopCosts[];
  /** What one node takes while nothing happens, in milliseconds of processor a second: its main thread, and its others. */
  readonly idle: { readonly main: number; readonly others: number };
  /** Of ours: microseconds per delivered message in each function itself. */
  readonly functions: Readonly<Record<HopKind, Readonly<Record<string, number>>>>;
}

const settleMs = 5_000; // interest spreads, views become stable
const idleMs = 6_000;
const bodyBytes = 100;
/** To the rate that is measured. */
const warmFactor = 1.25;

/** Starts so many nodes, and ends them again. */
export async function runHop(cluster: Cluster, options: HopOptions): Promise<HopRun> {
  const { nodes, rate, pairs, warmPerNode, measuredMs, rounds, apart, profilesTo, say } = options;
  const accounts = await mint(cluster, 4 * pairs);
  for (let nth = 1; nth <= nodes; nth += 1) {
    const { parley } = await cluster.add({ name: `n${nth}` });
    if (apart) pinMainThread(parley.pid, chooseCores().server);
  }
  await cluster.whole();
  const sides = {
    home: await bringUp(cluster, accounts.slice(0, 2 * pairs), pairs, true),
    anywhere: await bringUp(cluster, accounts.slice(2 * pairs), pairs, false),
  };
  const windowOf = (ms: number, factor = 1) => ({ rate: rate * factor, warmMs: 0, measuredMs: ms, p99MsMax: Number.POSITIVE_INFINITY });
  say(`${nodes} nodes: warming up`);
  for (const kind of hopKinds) await sides[kind].measure('warm', windowOf((nodes * warmPerNode * 1_000) / (rate * warmFactor) / 2, warmFactor));
  await delay(settleMs);
  const idleFrom = Moment.of(cluster);
  await delay(idleMs);
  const idle = idleFrom.until(Moment.of(cluster));
  say(`${nodes} nodes: measuring`);
  const parts: Record<HopKind, Part[]> = { home: [], anywhere: [] };
  for (let round = 0; round < rounds; round += 1) for (const kind of hopKinds) parts[kind].push(await measured(cluster, kind, sides[kind], windowOf(measuredMs / rounds)));
  const pids = cluster.nodes.map(({ parley }) => parley.pid);
  for (const side of Object.values(sides)) side.leave();
  for (const { name } of [...cluster.nodes]) await cluster.remove(name); // each writes its profile
  const profiles = await profilesOf(profilesTo, pids);
  const perSecond = { split: sumOfSplits([splitBetween(profiles, idle)], 1e6 / idle.us), others: (idle.others * 1e6) / idle.us };
  const costsOf = (of: (kind: HopKind) => readonly Part[]): HopCosts => ({ home: costOf(of('home'), profiles, perSecond), anywhere: costOf(of('anywhere'), profiles, perSecond) });
  return {
    nodes,
    ...costsOf((kind) => parts[kind]),
    rounds: parts.home.map((_, nth) => costsOf((kind) => parts[kind].slice(nth, nth + 1))),
    idle: { main: (idle.mainOf(pids) * 1e9) / idle.us / nodes, others: (perSecond.others * 1_000) / nodes },
    functions: { home: functionsOf(parts.home, profiles), anywhere: functionsOf(parts.anywhere, profiles) },
  };
}

interface Part {
  readonly result: WindowResult;
  readonly stretch: Stretch;
  readonly hops: number;
}

async function measured(cluster: Cluster, kind: string, side: Side, window: Window): Promise<Part> {
  const before = await envelopesOf(cluster);
  let [from, to] = [Moment.of(cluster), Moment.of(cluster)];
  const marks = { begin: () => void (from = Moment.of(cluster)), end: () => void (to = Moment.of(cluster)) };
  const { result } = await side.measure(kind, window, marks);
  return { result, stretch: from.until(to), hops: (await envelopesOf(cluster)) - before };
}

const total = (parts: readonly Part[], of: (part: Part) => number): number => parts.reduce((sum, part) => sum + of(part), 0);

/** `idle`: seconds of processor a second that nodes take while nothing happens. */
function costOf(parts: readonly Part[], profiles: Profiles, idle: { readonly split: Split; readonly others: number }): HopCost {
  const perMessage = 1e6 / total(parts, ({ result }) => result.delivered);
  const seconds = total(parts, ({ stretch }) => stretch.us) / 1e6;
  const median = parts.map(({ result: { latency } }) => latency).sort((one, other) => (one.ms(99) ?? 0) - (other.ms(99) ?? 0))[Math.floor(parts.length / 2)];
  const ofCassandra = (part: CassandraPart): number => total(parts, ({ stretch }) => stretch.cassandra[part]) * perMessage;
  return {
    hops: total(parts, ({ hops }) => hops) / total(parts, ({ result }) => result.received),
    split: sumOfSplits([...parts.map(({ stretch }) => splitBetween(profiles, stretch)), sumOfSplits([idle.split], -seconds)], perMessage),
    otherThreads: (total(parts, ({ stretch }) => stretch.others) - idle.others * seconds) * perMessage,
    natsServer: total(parts, ({ stretch }) => stretch.natsServer) * perMessage,
    cassandra: { serving: ofCassandra('serving'), compiling: ofCassandra('compiling'), garbage: ofCassandra('garbage'), behind: ofCassandra('behind') },
    busy: total(parts, ({ stretch }) => stretch.mainOf([...stretch.mains.keys()]) / stretch.mains.size) / seconds,
    p50Ms: median?.ms(50) ?? Number.NaN,
    p99Ms: median?.ms(99) ?? Number.NaN,
    faults: total(parts, ({ result: { lost, doubled, reordered } }) => lost + doubled + reordered),
  };
}

function functionsOf(parts: readonly Part[], profiles: Profiles): Readonly<Record<string, number>> {
  const stretches = parts.map(({ stretch }) => stretch);
  const perMessage = 1e6 / total(parts, ({ result }) => result.delivered);
  return Object.fromEntries([...ourFunctions(profiles, stretches)].map(([name, seconds]) => [name, seconds * perMessage]));
}

/** Accounts lie in the store before the first node makes its key. */
async function mint({ cassandra }: Cluster, count: number): Promise<readonly Account[]> {
  const none = { addresses: new Map(), dataCenter: undefined, credentials: undefined, tls: undefined, dialect: undefined, tablets: undefined };
  const stores = await openCqlStores({
    ...none,
    contactPoints: cassandra.contactPoints,
    keyspace: 'parley',
    replicas: 1,
    timeoutMs: 10_000,
    node: 'bench',
    onReport: () => undefined,
  });
  try {
    return await mintAccountsIn(stores, count);
  } finally {
    await stores.close();
  }
}

function bringUp(cluster: Cluster, accounts: readonly Account[], pairs: number, isAtHome: boolean): Promise<Side> {
  const placement = placementOf(cluster.nodes.map(({ name }) => name));
  const at = (nth: number): Endpoint => ({ host: '127.0.0.1', port: (cluster.nodes[nth] ?? cluster.node('n1')).socketPort, path: '/' });
  const ownerOf = (nth: number): number => {
    const [one, other] = accounts.slice(nth - (nth % 2)) as [Account, Account];
    const owner = placement.ownerOf(directChatId(one.userId, other.userId));
    return cluster.nodes.findIndex(({ name }) => name === owner);
  };
  const target: Target = {
    name: 'parley',
    transport: 'unknown',
    protocol: 'parley',
    endpoint: at(0),
    accounts: accounts.map((account, nth) => ({ ...account, endpoint: at(isAtHome ? ownerOf(nth) : nth % cluster.nodes.length) })),
    pid: undefined, // they are several: Moment has their clocks
    says: async () => null,
    endedWhy: () => (cluster.running.length < cluster.nodes.length ? 'a node has ended' : undefined),
    stop: async () => undefined,
  };
  const alone = { generators: 1, generatorCores: [], news: noNews, stops: noStops };
  return Side.bringUp(target, { chats: { count: pairs, members: 2, direct: true }, bodyBytes, seed: 1, arrivals: 'poisson', restMsMax: 2, ...alone });
}

/** That nodes have had from others. */
async function envelopesOf(cluster: Cluster): Promise<number> {
  const counts = await Promise.all(cluster.nodes.map(async (node) => (await node.metrics()).get('parley_link_envelopes_in_total') ?? Number.NaN));
  return counts.reduce((sum, count) => sum + count, 0);
}
