// One run: services and nodes are started, people talk, the nemesis does its worst, everything heals, and what is left is judged.
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CqlStores, openCqlStores } from '../../src/store/stores.cql.ts';
import { judgeAll, type Verdicts } from './checks.ts';
import { foundIn, untilConverged } from './finding.ts';
import { Ground, thisLevel } from './ground.ts';
import { History } from './history.ts';
import type { KindName } from './kinds.ts';
import { Nemesis, type Outcome } from './nemesis.ts';
import { Party, type PartyOptions } from './party.ts';
import { Prober } from './prober.ts';
import { scheduleOf } from './schedule.ts';
import { Seeded } from './seeded.ts';
import { type Takeovers, takeovers } from './takeovers.ts';
import { Whereabouts } from './whereabouts.ts';

export interface StormOptions {
  readonly seed: number;
  readonly faults: number;
  readonly kinds: readonly KindName[];
  readonly nodes: number;
  readonly stores: number;
  /** So many faults may be under way at once. */
  readonly lanes: number;
  /** Of the faults; those that have not begun by then are left out. */
  readonly minutes: number;
  readonly perSecond: number;
  /** Before the first fault. */
  readonly calmMs: number;
  readonly party: PartyOptions;
  /** How often each is measured: an owner killed, a node drained. */
  readonly takeovers: number;
  /** For the history, the logs of the nodes and the result. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export interface Storm {
  readonly options: Omit<StormOptions, 'say' | 'folder'>;
  readonly machine: string;
  readonly day: string;
  readonly tookMs: number;
  readonly faultsMs: number;
  readonly clients: { readonly sdk: number; readonly raw: number; readonly chats: number; readonly groups: number };
  /** Happenings by what they are. */
  readonly counts: Readonly<Record<string, number>>;
  readonly stored: number;
  readonly outcomes: readonly Outcome[];
  readonly takeovers: Takeovers | undefined;
  /** Whether every send had its answer in time after the last fault, and how many entries somebody still lacked then. */
  readonly settled: boolean;
  readonly settledMs: number;
  readonly missing: number;
  /** How often a check complained, and the first of its complaints. */
  readonly verdicts: Readonly<Record<string, { readonly count: number; readonly first: readonly string[] }>>;
  /** Of the nodes' logs: lines about errors by what they say, and starts that had to be repeated. */
  readonly errors: readonly { readonly says: string; readonly count: number }[];
  readonly failedStarts: number;
}

const convergeMsMax = 150_000;
const afterwardsMs = 3_000;
const shownMax = 20;

export async function storm(options: StormOptions): Promise<Storm> {
  const { seed, folder, say, perSecond } = options;
  const startedMs = performance.now();
  await mkdir(folder, { recursive: true });
  const seeded = new Seeded(seed);
  const history = new History(join(folder, 'history.jsonl'));
  say(`Seed ${seed}. Starting ${options.stores} Cassandra, NATS, Redis and ${options.nodes} Parley nodes …`);
  const ground = await Ground.start({ nodes: options.nodes, stores: options.stores, folder, say });
  try {
    const stores = await storesOf(ground);
    for (const node of ground.nodes) {
      node.onEnd = ({ code, signal }) => {
        history.tell({ who: node.name, what: 'wrong', says: `ended by itself (${signal ?? code})` });
        say(`${node.name} ENDED by itself (${signal ?? code}); it is started again.`);
        void node.kill().then(() => node.start());
      };
    }
    const whereabouts = new Whereabouts(ground.addresses, seeded);
    const measured = options.takeovers > 0 ? await takeovers({ ground, whereabouts, history, count: options.takeovers, say }) : undefined;
    const party = await Party.gather(options.party, { whereabouts, history, seeded });
    say(`${party.clients.length} clients in ${party.chatIds.size} chats talk, ${perSecond} messages/s. ${options.faults} faults within ${options.minutes} minutes …`);
    const nemesis = new Nemesis({ ground, history, say, prober: await Prober.begin(whereabouts, `prober-${process.pid}`) });
    nemesis.watch.start();
    const quiet = new AbortController();
    const talking = party.talk(perSecond, quiet.signal);
    const faultsMs = await break_(nemesis, options);
    for (const node of ground.nodes) if (node.level !== thisLevel) await node.drain().then(() => node.start(thisLevel));
    await party.partWithSome();
    await delay(afterwardsMs);
    quiet.abort();
    await talking;
    const fromMs = history.nowMs;
    const settled = await party.settle();
    const missing = await untilConverged(stores, party, history, convergeMsMax);
    const settledMs = history.nowMs - fromMs;
    say(`${settled ? 'Settled' : 'NOT SETTLED'} after ${settledMs} ms, ${missing} entries missing. Judging …`);
    await nemesis.watch.stop();
    await party.stop();
    await Promise.all(ground.nodes.map((node) => node.drain())); // nothing moves any more
    const found = await foundIn(stores, party, history);
    await stores.close();
    const result: Storm = {
      options: plain(options),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      day: new Date().toISOString().slice(0, 10),
      tookMs: Math.round(performance.now() - startedMs),
      faultsMs,
      clients: { sdk: options.party.sdk, raw: party.clients.length - options.party.sdk, chats: party.chatIds.size, groups: party.groups.length },
      counts: countsOf(history),
      stored: [...found.logs.values()].reduce((sum, log) => sum + log.length, 0),
      outcomes: nemesis.outcomes,
      takeovers: measured,
      settled,
      settledMs,
      missing,
      verdicts: shown(judgeAll(found)),
      errors: errorsIn(ground.nodes.flatMap(({ errors }) => errors)),
      failedStarts: ground.nodes.reduce((sum, { failedStarts }) => sum + failedStarts, 0),
    };
    await writeFile(join(folder, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
    return result;
  } finally {
    await ground.stop();
    await history.close();
    for (const { address, lines } of ground.cassandra.nodes) await appendFile(join(folder, `cassandra-${address}.log`), lines.join('\n'));
  }
}

/** Nothing that was judged is wrong, every client came to rest, and every fault was seen. */
export function isGood({ verdicts, settled, missing, outcomes }: Storm): boolean {
  return settled && missing === 0 && outcomes.every(({ evidence }) => Object.keys(evidence).length > 0) && Object.values(verdicts).every(({ count }) => count === 0);
}

async function break_(nemesis: Nemesis, { seed, faults, kinds, nodes, stores, lanes, minutes, calmMs }: StormOptions): Promise<number> {
  if (faults === 0) return 0;
  await delay(calmMs);
  const fromMs = performance.now();
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), minutes * 60_000);
  await nemesis.run(scheduleOf({ seed, faults, kinds, nodes, stores }), lanes, enough.signal);
  clearTimeout(timer);
  return Math.round(performance.now() - fromMs);
}

/** Past all proxies. */
export function storesOf({ cassandra }: Pick<Ground, 'cassandra'>): Promise<CqlStores> {
  const none = { dataCenter: undefined, addresses: new Map<string, string>(), credentials: undefined, tls: undefined, replicas: undefined, dialect: undefined, tablets: undefined };
  return openCqlStores({ ...none, contactPoints: cassandra.contactPoints, keyspace: 'parley', timeoutMs: 10_000, node: 'judge', onReport: () => undefined });
}

function plain({ say: _, folder: __, ...options }: StormOptions): Storm['options'] {
  return options;
}

function countsOf({ happenings }: History): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const happening of happenings) {
    const name = happening.what === 'refused' ? `refused ${happening.why}` : happening.what === 'entry' ? `entry by ${happening.by}` : happening.what;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function shown(verdicts: Verdicts): Storm['verdicts'] {
  return Object.fromEntries(Object.entries(verdicts).map(([name, complaints]) => [name, { count: complaints.length, first: complaints.slice(0, shownMax) }]));
}

/** Ids and numbers left out, so that like ones count as one. */
function errorsIn(lines: readonly string[]): Storm['errors'] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const { msg = '', err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    const says = [msg, err?.message]
      .filter(Boolean)
      .join(': ')
      .replace(/[gpudf][\w-]{15,}/g, '…')
      .replace(/\d+/g, 'N');
    counts.set(says, (counts.get(says) ?? 0) + 1);
  }
  return [...counts].map(([says, count]) => ({ says, count })).sort((one, other) => other.count - one.count);
}
