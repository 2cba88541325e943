// `npm run bench:peers`: Parley, the baseline and its peers under the same scenarios in the same run, each server pinned to one core, and the table of ratios in docs/performance.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NoProgram } from '../../scripts/services/debian.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Figures, Measured } from '../figures.ts';
import { type Options, readOptions, Usage } from '../options.ts';
import { LineFile } from '../output/file.ts';
import { thisMachine } from '../output/machine.ts';
import type { News } from '../output/steps.ts';
import { TerminalNews } from '../output/terminal.ts';
import { measure, paramsOf } from '../run.ts';
import { chooseCores, pinThisProcess, StartFailed } from '../targets/pinned.ts';
import { startBaseline } from '../targets/started-baseline.ts';
import { startParley } from '../targets/started-parley.ts';
import type { Target } from '../targets/target.ts';
import { peers } from './catalogue.ts';
import { type Cell, type Column, documentWith, tableOf } from './table.ts';

interface Row {
  readonly name: string;
  readonly words: readonly string[];
  readonly figure: keyof Figures;
}

const rows: readonly Row[] = [
  { name: 'one-to-one, 500 pairs, messages/s', words: ['one-to-one'], figure: 'messagesPerSecond' },
  { name: 'fan-out, 1 room of 100, deliveries/s', words: ['fan-out'], figure: 'deliveriesPerSecond' },
  { name: 'fan-out, 10 rooms of 100, deliveries/s', words: ['fan-out', '--rooms', '10'], figure: 'deliveriesPerSecond' },
  { name: 'fan-out, 1 room of 1,000, deliveries/s', words: ['fan-out', '--members', '1000'], figure: 'deliveriesPerSecond' },
  { name: 'connects per server CPU-second', words: ['connect', '--sessions', '2000'], figure: 'connectsPerServerCpuSecond' },
  { name: '1,000 missed messages after a reconnect, median, ms', words: ['offline-sync'], figure: 'p50Ms' },
  { name: 'RSS per idle session, bytes', words: ['idle', '--sessions', '5000'], figure: 'rssPerSessionBytes' },
];

const usage = `npm run bench:peers -- [options]

Drives Parley, its baseline, ${peers.map(({ name }) => name).join(', ')} with the same load, one after the other for each scenario. What is missing is installed: Debian's packages with apt-get (needs root), Socket.IO with npm.

      --only NAME,NAME  these peers; none: Parley and the baseline alone
      --scenarios 1,2,…  ${rows.map(({ name }, at) => `${at + 1} ${name}`).join(' · ')}
      --seconds 6  measured part of each
      --p99 MS, --rate-max N  as for npm run bench
      --out FILE.jsonl  every step as a line of JSON
      --write  puts the table into docs/performance.md

Exit code: as that of npm run bench; a peer that cannot be had is said and left out, and the code is ${exitCodes.usage}`;

const document = resolve(import.meta.dirname, '../../docs/performance.md');
const terminal = new TerminalNews({
  write: (text) => void process.stderr.write(text),
  isTTY: process.stderr.isTTY === true,
  get columns() {
    return process.stderr.columns ?? 80;
  },
});

/** A server that takes part, whose starting is not the scenario's business. */
interface Side {
  readonly name: string;
  readonly says: string;
  start(accounts: number, folder: string): Promise<{ readonly target: Target; readonly version: string }>;
}

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return exitCodes.well;
  }
  const { only, scenarios, seconds, limits, rateMax, out, write } = read(words);
  const core = chooseCores().server;
  const machine = thisMachine();
  pinThisProcess(chooseCores().generator);
  const file = out === undefined ? undefined : new LineFile(resolve(out));
  const news: News = { say: (text) => terminal.say(text), now: (text) => terminal.now(text), step: (step) => file?.add(step) };
  const sides = [...ours(core), ...peers.filter(({ name }) => only === undefined || only.includes(name)).map((peer) => peerSide(peer, core))];
  const columns = new Map<string, Column>();
  const cells: Cell[][] = [];
  let code: number = exitCodes.well;
  for (const { name, words: scenario, figure } of scenarios) {
    terminal.say(`— ${name} —`);
    const options = readOptions([...scenario, '--start', '--seconds', seconds, ...limits]);
    file?.add({ kind: 'run', at: new Date().toISOString(), scenario: options.scenario.name, params: paramsOf(options), machine });
    const row: Cell[] = [];
    for (const side of sides) {
      const measured = await measureSide(side, options, news, columns);
      if (measured === undefined) code = exitCodes.usage;
      else if (((measured.figures.lost ?? 0) + (measured.figures.reordered ?? 0) > 0 && side.name === 'Parley') || (measured.voidWhy !== undefined && code === exitCodes.well))
        code = measured.voidWhy === undefined ? exitCodes.broken : exitCodes.void;
      row.push({
        side: side.name,
        value: measured?.figures[figure] ?? null,
        p99Ms: measured?.figures.p99Ms ?? null,
        voidWhy: measured === undefined ? 'not there' : measured.voidWhy,
      });
    }
    cells.push(row);
  }
  terminal.clear();
  const table = tableOf({
    rows: scenarios.map(({ name }) => name),
    columns: sides.flatMap(({ name }) => columns.get(name) ?? []),
    cells,
    machine,
    at: new Date(),
    seconds: Number(seconds),
    rateMax,
  });
  process.stdout.write(`${table}\n`);
  if (write) await writeFile(document, documentWith(await readFile(document, 'utf8').catch(() => ''), table));
  return code;
}

/** Each server alone: what the one before has left in caches, or does while it idles, is not the next one's. */
async function measureSide(side: Side, options: Options, news: News, columns: Map<string, Column>): Promise<Measured | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-peer-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // also when we are interrupted
  let target: Target | undefined;
  try {
    const started = await side.start(options.scenario.accounts(options.values), folder);
    target = started.target;
    columns.set(side.name, { name: side.name, version: started.version, says: side.says });
    return (await measure(options, [target], news))[0];
  } catch (error) {
    terminal.say(`${side.name} is left out: ${(error as Error).message}`);
    return undefined;
  } finally {
    await target?.stop();
    remove();
    process.off('exit', remove);
  }
}

function ours(core: number | undefined): readonly Side[] {
  const version = thisMachine().commit ?? 'this tree';
  return [
    {
      name: 'baseline',
      says: 'bare uWebSockets.js that passes the same frames on',
      start: async (accounts) => ({ target: await startBaseline({ accounts, core, plain: true }), version }),
    },
    {
      name: 'Parley',
      says: 'embedded store; everything durable (fdatasync) before it is acknowledged, ordered, checked',
      start: async (accounts) => ({ target: await startParley({ accounts, core }), version }),
    },
  ];
}

function peerSide({ name, says, start }: (typeof peers)[number], core: number | undefined): Side {
  return { name, says, start: (accounts, folder) => start({ accounts, core, folder, say: (text) => terminal.say(text) }) };
}

function read(words: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        only: { type: 'string' },
        scenarios: { type: 'string' },
        seconds: { type: 'string', default: '6' },
        p99: { type: 'string' },
        'rate-max': { type: 'string' },
        out: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    });
    const only = values.only?.split(',').filter((name) => name !== '' && name !== 'none');
    const unknown = only?.find((name) => !peers.some((peer) => peer.name === name));
    if (unknown !== undefined) throw new Error(`there is no peer ${unknown}`);
    const chosen = values.scenarios?.split(',').map((at) => rows[Number(at) - 1]) ?? rows;
    if (chosen.some((row) => row === undefined)) throw new Error(`scenarios are 1 to ${rows.length}`);
    const limits = (['p99', 'rate-max'] as const).flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
    return {
      only,
      scenarios: chosen as readonly Row[],
      seconds: values.seconds,
      limits,
      rateMax: values['rate-max'] === undefined ? undefined : Number(values['rate-max']),
      out: values.out,
      write: values.write,
    };
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${usage}`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(exitCodes.void));
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = error instanceof Usage || error instanceof StartFailed || error instanceof NoProgram;
    process.stderr.write(`${known ? (error as Error).message : String((error as Error).stack ?? error)}\n`);
    process.exitCode = known ? exitCodes.usage : exitCodes.broken;
  },
);
