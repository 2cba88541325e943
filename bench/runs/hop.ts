// One cluster under one-to-one traffic, of users at home where their chats are owned and of users anywhere, by turns: what the nodes' processors did, by whose code it was.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../../scripts/services/cluster.ts';
import { placementOf } from '../../src/cluster/placement.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { openCqlStores } from '../../src/store/stores.cql.ts';
import { mintAccountsIn } from '../accounts.ts';
import { type CpuProfile, type Split, splitOf, sumOfSplits } from '../cpu-profile.ts';
import type { Account } from '../generator/device.ts';
import type { Endpoint } from '../generator/socket.ts';
import type { Window, WindowResult } from '../generator/traffic.ts';
import { noNews } from '../output/steps.ts';
import type { Target } from '../targets/target.ts';
import { Moment } from './hop-moment.ts';
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
  /** As it was for the services. */
  readonly profilesTo: string;
  readonly say: (text: string) => void;
}

const samplingUs = 2_000; // at 500 the profiler takes more than a node that has little to do

/** NATS, Cassandra and no nodes yet: one for all runs, since Cassandra takes less and less while it compiles itself. `profilesTo`: what the nodes write as they end. */
export function startServices(profilesTo: string, say: (text: string) => void): Promise<Cluster> {
  const nodeOptions = ['--cpu-prof', '--cpu-prof-dir', profilesTo, '--cpu-prof-interval', `${samplingUs}`];
  return Cluster.start({ nodes: 0, redis: false, nodeOptions, environment: { PARLEY_LOG: 'warn' } }, say);
}

/** Times in microseconds per delivered message, over all nodes, without what these take while nothing happens. */
export interface HopCost {
  /** Envelopes that came from other nodes, per delivered message. */
  readonly hops: number;
  readonly split: Split;
  readonly otherThreads: number;
  readonly natsServer: number;
  readonly cassandra: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Lost, doubled, reordered. */
  readonly faults: number;
}

export interface HopRun {
  readonly nodes: number;
  /** Both users connected to the node that owns their chat. */
  readonly home: HopCost;
  /** All users connected to the nodes in turn, wherever their chats are owned. */
  readonly anywhere: HopCost;
  /** What one node takes while nothing happens, in milliseconds of processor a second: its main thread, and its others. */
  readonly idle: { readonly main: number; readonly others: number };
}

const settleMs = 5_000; // interest spreads, views become stable
const idleMs = 6_000;
/** The two kinds are measured by turns, so that what happens on the machine meanwhile hits both. */
const rounds = 3;
const bodyBytes = 100;
/** To the rate that is measured. */
const warmFactor = 2;

/** Starts so many nodes, and ends them again. */
export async function runHop(cluster: Cluster, { nodes, rate, pairs, warmPerNode, measuredMs, profilesTo, say }: HopOptions): Promise<HopRun> {
  const accounts = await mint(cluster, 4 * pairs);
  for (let nth = 1; nth <= nodes; nth += 1) await cluster.add({ name: `n${nth}` });
  await cluster.whole();
  const sides = {
    home: await bringUp(cluster, accounts.slice(0, 2 * pairs), pairs, true),
    anywhere: await bringUp(cluster, accounts.slice(2 * pairs), pairs, false),
  };
  const windowOf = (ms: number, factor = 1) => ({ rate: rate * factor, warmMs: 0, measuredMs: ms, p99MsMax: Number.POSITIVE_INFINITY });
  say(`${nodes} nodes: warming up`);
  for (const side of Object.values(sides)) await side.measure('warm', windowOf((nodes * warmPerNode * 1_000) / (rate * warmFactor) / 2, warmFactor));
  await delay(settleMs);
  const idleFrom = Moment.of(cluster);
  await delay(idleMs);
  const idle = idleFrom.until(Moment.of(cluster));
  say(`${nodes} nodes: measuring`);
  const parts: Record<keyof typeof sides, Part[]> = { home: [], anywhere: [] };
  for (let round = 0; round < rounds; round += 1)
    for (const kind of ['home', 'anywhere'] as const) parts[kind].push(await measured(cluster, kind, sides[kind], windowOf(measuredMs / rounds)));
  const pids = cluster.nodes.map(({ parley }) => parley.pid);
  for (const side of Object.values(sides)) side.leave();
  for (const { name } of [...cluster.nodes]) await cluster.remove(name); // each writes its profile
  const profiles = await profilesOf(profilesTo, pids);
  const idleSplit = splitBetween(profiles, idle);
  const perSecond = { split: sumOfSplits([idleSplit], 1e6 / idle.us), others: (idle.others * 1e6) / idle.us };
  const main = (idle.mainOf(pids) * 1e9) / idle.us / nodes;
  return {
    nodes,
    home: costOf(parts.home, profiles, perSecond),
    anywhere: costOf(parts.anywhere, profiles, perSecond),
    idle: { main, others: (perSecond.others * 1_000) / nodes },
  };
}

type Stretch = ReturnType<Moment['until']>;
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

/** `idle`: seconds of processor a second that nodes take while nothing happens. */
function costOf(parts: readonly Part[], profiles: ReadonlyMap<number, CpuProfile>, idle: { readonly split: Split; readonly others: number }): HopCost {
  const total = (of: (part: Part) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
  const perMessage = 1e6 / total(({ result }) => result.delivered);
  const seconds = total(({ stretch }) => stretch.us) / 1e6;
  const median = parts.map(({ result: { latency } }) => latency).sort((one, other) => (one.ms(99) ?? 0) - (other.ms(99) ?? 0))[Math.floor(parts.length / 2)];
  return {
    hops: total(({ hops }) => hops) / total(({ result }) => result.received),
    split: sumOfSplits([...parts.map(({ stretch }) => splitBetween(profiles, stretch)), sumOfSplits([idle.split], -seconds)], perMessage),
    otherThreads: (total(({ stretch }) => stretch.others) - idle.others * seconds) * perMessage,
    natsServer: total(({ stretch }) => stretch.natsServer) * perMessage,
    cassandra: total(({ stretch }) => stretch.cassandra) * perMessage,
    p50Ms: median?.ms(50) ?? Number.NaN,
    p99Ms: median?.ms(99) ?? Number.NaN,
    faults: total(({ result: { lost, doubled, reordered } }) => lost + doubled + reordered),
  };
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

async function profilesOf(folder: string, pids: readonly number[]): Promise<ReadonlyMap<number, CpuProfile>> {
  const files = await readdir(folder);
  const profiles = new Map<number, CpuProfile>();
  for (const pid of pids) {
    const file = files.find((name) => name.split('.')[3] === `${pid}`); // CPU.date.time.pid.thread.nth.cpuprofile
    if (file === undefined) throw new Error(`process ${pid} has left no profile`);
    profiles.set(pid, JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile);
  }
  return profiles;
}

/** Seconds of the nodes' main threads, by whose code they ran. */
function splitBetween(profiles: ReadonlyMap<number, CpuProfile>, { fromUs, us, mains }: Stretch): Split {
  return sumOfSplits(
    [...profiles].map(([pid, profile]) => {
      const sampled = splitOf(profile, fromUs, fromUs + us);
      const all = Object.values(sampled).reduce((sum, one) => sum + one, 0);
      return sumOfSplits([sampled], all === 0 ? 0 : (mains.get(pid) ?? Number.NaN) / all);
    }),
  );
}
