// What an append costs on a real Cassandra of one node: latency alone and with 64 chats at once, and the processor time in this process, ours and the driver's.
import { Session } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { Cassandra } from '../scripts/services/cassandra.ts';
import { type CqlStores, openCqlStores } from '../src/store/stores.cql.ts';
import { type ChatId, idFrom } from '../src/structures/ids.ts';
import { entriesOf } from './micro-entries.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '8' }, 'commit-log': { type: 'string', default: 'group' }, 'entries-per-append': { type: 'string', default: '1' } },
});
const commitLog = values['commit-log'] === 'periodic' ? 'periodic' : 'group';
const count = Number(values['entries-per-append']);
const ms = Number(values.seconds) * 1_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const cassandra = await Cassandra.start({ commitLog }, print);
try {
  const stores = await openCqlStores({
    contactPoints: cassandra.contactPoints,
    addresses: new Map(),
    dataCenter: undefined,
    keyspace: 'bench',
    credentials: undefined,
    tls: undefined,
    replicas: 1,
    dialect: undefined,
    tablets: undefined,
    timeoutMs: 10_000,
    node: 'bench',
    onReport: () => undefined,
  });
  await drive(stores, 64, ms / 2); // until everybody is warm
  await drive(stores, 1, ms / 4);
  for (const chats of [1, 64]) print(await measured(stores, chats));
  await stores.close();
} finally {
  await cassandra.stop();
}

async function measured(stores: CqlStores, chats: number): Promise<string> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const latencies = await drive(stores, chats, ms);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1_000;
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  latencies.sort((a, b) => a - b);
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  const perAppend = (user + system) / latencies.length;
  const shares = sharesOf(profile);
  const split = [...shares].map(([whose, share]) => `${whose} ${(share * perAppend).toFixed(0)}`).join(', ');
  return `${chats} chats, ${count} entries an append, commit log ${commitLog}: ${Math.round(latencies.length / seconds)} appends/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${perAppend.toFixed(0)} µs CPU an append (${split})`;
}

/** Appends to each chat one after the other, for so long; how long each took. */
async function drive({ messages }: CqlStores, chats: number, forMs: number): Promise<number[]> {
  const untilMs = performance.now() + forMs;
  const latencies: number[] = [];
  await Promise.all(
    Array.from({ length: chats }, async () => {
      const chatId = newChat();
      let tip = 0;
      let lastSeq = 0;
      while (performance.now() < untilMs) {
        const entries = entriesOf(chatId, lastSeq, count);
        const next = 1 + Math.floor(Math.random() * (Number.MAX_SAFE_INTEGER - 1));
        const startedMs = performance.now();
        await messages.append({ chatId, entries, builtOn: tip, tip: next, fold: undefined });
        latencies.push(performance.now() - startedMs);
        tip = next;
        lastSeq += count;
      }
    }),
  );
  return latencies;
}

function newChat(): ChatId {
  return idFrom<'chat'>(
    'g',
    Uint8Array.from({ length: 15 }, () => Math.floor(Math.random() * 256)),
  );
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly url: string; readonly functionName: string } }[];
  readonly samples?: readonly number[] | undefined;
}

/** Of the busy samples: whose code they were in. */
function sharesOf({ nodes, samples = [] }: Profile): ReadonlyMap<string, number> {
  const whose = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
  const busy = samples.map((id) => whose.get(id)).filter((owner) => owner !== undefined);
  const shares = new Map<string, number>();
  for (const owner of busy) shares.set(owner, (shares.get(owner) ?? 0) + 1 / busy.length);
  return new Map([...shares].sort(([, a], [, b]) => b - a));
}

function ownerOf({ url, functionName }: Profile['nodes'][number]['callFrame']): string | undefined {
  if (functionName === '(idle)') return undefined;
  if (url.includes('/cassandra-driver/') || url.includes('/long/')) return 'driver';
  if (url.includes('/src/')) return 'ours';
  if (url.includes('/bench/')) return 'this benchmark';
  return functionName === '(garbage collector)' ? 'garbage' : 'Node';
}
