// What it costs that a message crosses from node to node: processor time of all nodes per delivered message, at one rate, with 2, 4 and 8 of them on a real NATS and a real Cassandra.
// `node bench/hop.ts [--nodes 2,4,8] [--rate 4000] [--pairs 8] [--apart] [--slack 1000]`; the runs are in bench/runs/hop.ts. Exit code 1: something was lost, doubled or reordered, or a hop takes more than it may.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { columns as all, type Column } from './cpu-profile.ts';
import { type HopCost, type HopCosts, type HopRun, hopKinds, runHop, startServices } from './runs/hop.ts';
import { cassandraParts } from './runs/hop-moment.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2,4,8' },
    rate: { type: 'string', default: '4000' },
    seconds: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '5' },
    pairs: { type: 'string', default: '8' }, // few that write much: an append takes several messages, so that the nodes are what is busy
    warm: { type: 'string', default: '20000' },
    apart: { type: 'boolean', default: false }, // the nodes on the first core, all else on the others
    store: { type: 'string', multiple: true, default: [] }, // a further line of cassandra.yaml
    java: { type: 'string', multiple: true, default: [] }, // a further flag of Cassandra's Java
    slack: { type: 'string', default: '1000' }, // so late may Cassandra's timers come, µs
    sampling: { type: 'string', default: '1000' }, // µs between two looks at a node
    functions: { type: 'string', default: '0' }, // so many of ours are listed, those that take most for hops first
    json: { type: 'boolean', default: false },
  },
});
const columns = all.filter((column) => column !== 'bench'); // the load comes from another process than the nodes
/** Of our own code, in microseconds. */
const perHopMax = 10;

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const profilesTo = await mkdtemp(join(tmpdir(), 'parley-hop-'));
const { apart } = values;
const cluster = await startServices({
  profilesTo,
  apart,
  store: { configuration: values.store.join('\n'), java: values.java },
  slackUs: Number(values.slack),
  samplingUs: Number(values.sampling),
  say,
});
const runs: HopRun[] = [];
try {
  const [rate, pairs, warmPerNode, rounds, seconds] = [values.rate, values.pairs, values.warm, values.rounds, values.seconds].map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (const nodes of values.nodes.split(',').map(Number)) {
    const run = await runHop(cluster, { nodes, rate, pairs, warmPerNode, rounds, measuredMs: 1_000 * seconds, apart, profilesTo, say });
    if (values.json) print(JSON.stringify(run)); // at once: what ends the next one early must not cost this one
    runs.push(run);
  }
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
  ['µs of Cassandra', ({ cassandra }) => cassandraParts.reduce((sum, part) => sum + cassandra[part], 0)],
  ...cassandraParts.map((part) => [`  ${part}`, ({ cassandra }: HopCost) => cassandra[part]] as const),
  ['a node at work, % of a core', ({ busy }) => 100 * busy],
  ['p50, ms', ({ p50Ms }) => p50Ms],
  ['p99, ms', ({ p99Ms }) => p99Ms],
];
const perHop = ({ home, anywhere }: HopCosts, column: Column): number => (anywhere.split[column] - home.split[column]) / (anywhere.hops - home.hops);
const line = (label: string, cells: readonly (string | number)[], width: number): string =>
  `${label.padEnd(34)}${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(1) : cell).padStart(width)).join('')}`;
const perRun = (label: string, of: (run: HopRun) => string | number): void => print(line(label, runs.map(of), 20));
const perKind = (label: string, of: (run: HopRun, kind: (typeof hopKinds)[number]) => string | number): void =>
  print(
    line(
      label,
      runs.flatMap((run) => hopKinds.map((kind) => of(run, kind))),
      10,
    ),
  );

print(`per delivered message, at ${values.rate} messages/s; users at home where their chats are owned, and anywhere`);
perRun('nodes', ({ nodes }) => nodes.toFixed(0));
perKind('', (_, kind) => kind);
for (const [label, of] of rows) perKind(label, (run, kind) => of(run[kind]));
print('per envelope from another node, µs');
for (const column of columns) perRun(`  ${column}`, (run) => perHop(run, column));
perRun('  ours, of each round', ({ rounds }) => rounds.map((round) => perHop(round, 'ours').toFixed(0)).join(' '));
perRun('an idle node, ms/s: main, others', ({ idle }) => `${idle.main.toFixed(1)} + ${idle.others.toFixed(1)}`);
for (const { nodes, functions } of runs) {
  const more = ([name, us]: [string, number]): number => us - (functions.home[name] ?? 0);
  const dearest = Object.entries(functions.anywhere)
    .toSorted((one, other) => more(other) - more(one))
    .slice(0, Number(values.functions));
  if (dearest.length > 0) print(`of ours, with ${nodes} nodes, what takes more anywhere than at home, µs per delivered message`);
  for (const [name, us] of dearest) print(line(`  ${name}`.padEnd(60), [functions.home[name] ?? 0, us], 10));
}
const faults = runs.flatMap((run) => hopKinds.map((kind) => run[kind].faults)).reduce((sum, some) => sum + some, 0);
if (faults > 0) print(`${faults} messages were lost, doubled or out of order`);
const tooDear = runs.some((run) => perHop(run, 'ours') > perHopMax);
if (tooDear) print(`a hop takes more than ${perHopMax} µs of our own code`);
process.exitCode = faults > 0 || tooDear ? 1 : 0;
