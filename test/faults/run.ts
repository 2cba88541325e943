// npm run faults: the real thing, broken again and again, and judged. `--help` says what can be chosen.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type KindName, kindNames, kinds } from './kinds.ts';
import { usualParty } from './party.ts';
import { reportOf } from './report.ts';
import { seedOfRun } from './seeded.ts';
import { isGood, type Storm, storm } from './storm.ts';

const usage = `npm run faults -- [--seed N] [--faults 300] [--minutes 40] [--kinds killNode,cutNats] [--nodes 3] [--stores 3] [--lanes 4] [--rate 20] [--takeovers 10] [--folder DIR] [--report FILE] [--with DIR,DIR]

Starts Cassandra, NATS, Redis and Parley nodes (installing what is missing, where it may), lets clients talk, breaks things, and judges what clients saw and the store holds.

  --faults     how many; in rounds that hold each kind once
  --minutes    none begins after that
  --lanes      how many may be under way at once (1 to 6)
  --rate       messages a second
  --takeovers  how often it is measured, before the faults, how long chats have no owner when one is killed and when one is drained
  --folder     for the history of what every client saw, the logs of all nodes, and the result
  --report     writes the report there, for example docs/faults.md
  --with       folders of earlier runs, separated by commas: the report tells of these too (with --faults 0 --takeovers 0 of nothing else)
  --kinds      ${kindNames.map((name) => `${name}: ${kinds[name].says}`).join('\n               ')}
`;

/** The view of the nodes is to be stable before the first fault. */
const calmMs = 12_000;

const whole = (text: string, least: number, most: number): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least || number > most) fail(`"${text}": a whole number from ${least} to ${most}, please.`);
  return number;
};

function fail(says: string): never {
  process.stderr.write(`${says}\n\n${usage}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${seedOfRun()}` },
    faults: { type: 'string', default: '300' },
    minutes: { type: 'string', default: '40' },
    kinds: { type: 'string', default: kindNames.join(',') },
    nodes: { type: 'string', default: '3' },
    stores: { type: 'string', default: '3' },
    lanes: { type: 'string', default: '4' },
    rate: { type: 'string', default: '20' },
    takeovers: { type: 'string', default: '10' },
    folder: { type: 'string' },
    report: { type: 'string' },
    with: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const wanted = values.kinds.split(',');
for (const name of wanted) if (!kindNames.includes(name as KindName)) fail(`There is no fault "${name}".`);
const seed = whole(values.seed, 0, 2 ** 32 - 1);
const folder = values.folder ?? join(tmpdir(), `parley-faults-${seed}`);
const say = (text: string): void => void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

const earlier = values.with === '' ? [] : values.with.split(',').map((one) => JSON.parse(readFileSync(join(one, 'result.json'), 'utf8')) as Storm);
if (earlier.length > 0 && values.report !== undefined && values.faults === '0' && values.takeovers === '0') {
  await writeFile(values.report, reportOf(earlier));
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1)); // what was started ends with us
const result = await storm({
  seed,
  faults: whole(values.faults, 0, 100_000),
  minutes: whole(values.minutes, 1, 10_000),
  kinds: wanted as KindName[],
  nodes: whole(values.nodes, 2, 16),
  stores: whole(values.stores, 1, 5),
  lanes: whole(values.lanes, 1, 6),
  perSecond: whole(values.rate, 1, 10_000),
  takeovers: whole(values.takeovers, 0, 1_000),
  calmMs,
  party: usualParty,
  folder,
  say,
});
for (const [name, { count, first }] of Object.entries(result.verdicts))
  say(`${count === 0 ? '✔' : '✖'} ${name}${count === 0 ? '' : `: ${count}\n    ${first.slice(0, 5).join('\n    ')}`}`);
if (values.report !== undefined) await writeFile(values.report, reportOf([...earlier, result]));
say(`The history, the logs and the result are in ${folder}.`);
process.exit(isGood(result) ? 0 : 1);
