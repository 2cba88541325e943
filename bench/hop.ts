// What it costs that a message crosses from node to node: processor time of all nodes per delivered message, at one rate, with 2, 4 and 8 of them on a real NATS and a real Cassandra.
// `node bench/hop.ts [--nodes 2,4,8]`; the runs are in bench/runs/hop.ts. Exit code 1: something was lost, doubled or reordered, or a hop takes more than it may.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { columns as all } from './cpu-profile.ts';
import { type HopCost, type HopRun, runHop, startServices } from './runs/hop.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2,4,8' },
    rate: { type: 'string', default: '250' },
    seconds: { type: 'string', default: '24' },
    pairs: { type: 'string', default: '80' },
    warm: { type: 'string', default: '3000' },
    json: { type: 'boolean', default: false },
  },
});
const columns = all.filter((column) => column !== 'bench'); // the load comes from another process than the nodes
/** Of our own code, in microseconds. */
const perHopMax = 10;

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const profilesTo = await mkdtemp(join(tmpdir(), 'parley-hop-'));
const cluster = await startServices(profilesTo, say);
const runs: HopRun[] = [];
try {
  const [rate, pairs, warmPerNode, seconds] = [values.rate, values.pairs, values.warm, values.seconds].map(Number) as [number, number, number, number];
  for (const nodes of values.nodes.split(',').map(Number)) runs.push(await runHop(cluster, { nodes, rate, pairs, warmPerNode, measuredMs: 1_000 * seconds, profilesTo, say }));
} finally {
  await cluster.stop();
  await rm(profilesTo, { recursive: true });
}

const rows: readonly (readonly [string, (cost: HopCost) => number])[] = [
  ['envelopes from other nodes', ({ hops }) => hops],
  ['µs of the nodes', ({ split, otherThreads }) => columns.reduce((sum, column) => sum + split[column], otherThreads)],
  ...columns.map((column) => [`  ${column}`, ({ split }: HopCost) => split[column]] as const),
  ['  other threads', ({ otherThreads }) => otherThreads],
  ['µs of the NATS server', ({ natsServer }) => natsServer],
  ['µs of Cassandra', ({ cassandra }) => cassandra],
  ['p50, ms', ({ p50Ms }) => p50Ms],
  ['p99, ms', ({ p99Ms }) => p99Ms],
];
const kinds = ['home', 'anywhere'] as const;
const perHop = (of: (cost: HopCost) => number): number[] => runs.map(({ home, anywhere }) => (of(anywhere) - of(home)) / (anywhere.hops - home.hops));
const ours = perHop(({ split }) => split.ours);
const line = (label: string, cells: readonly (string | number)[], width: number): string =>
  `${label.padEnd(30)}${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(1) : cell).padStart(width)).join('')}`;
print(`per delivered message, at ${values.rate} messages/s; users at home where their chats are owned, and anywhere`);
print(
  line(
    'nodes',
    runs.map(({ nodes }) => nodes.toFixed(0)),
    18,
  ),
);
print(
  line(
    '',
    runs.flatMap(() => kinds),
    9,
  ),
);
for (const [label, of] of rows)
  print(
    line(
      label,
      runs.flatMap((run) => kinds.map((kind) => of(run[kind]))),
      9,
    ),
  );
print('per envelope from another node, µs');
for (const column of columns)
  print(
    line(
      `  ${column}`,
      perHop(({ split }) => split[column]),
      18,
    ),
  );
print(
  line(
    'an idle node, ms/s: main, others',
    runs.map(({ idle }) => `${idle.main.toFixed(1)} + ${idle.others.toFixed(1)}`),
    18,
  ),
);
if (values.json) print(JSON.stringify(runs));
const faults = runs.flatMap((run) => kinds.map((kind) => run[kind].faults)).reduce((sum, some) => sum + some, 0);
if (faults > 0) print(`${faults} messages were lost, doubled or out of order`);
if (ours.some((us) => us > perHopMax)) print(`a hop takes more than ${perHopMax} µs of our own code`);
process.exitCode = faults > 0 || ours.some((us) => us > perHopMax) ? 1 : 0;
