// `npm run bench`: starts what is to be measured, drives it, prints what came of it.
import { basename, resolve } from 'node:path';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOf, jsonOf, type Result } from './figures.ts';
import { DeviceFailed } from './generator/device.ts';
import { type Options, readOptions, Usage } from './options.ts';
import { comparisonText } from './output/comparison.ts';
import { type Line, LineFile, NoReport, readReport, reportOf } from './output/file.ts';
import { drawProfile } from './output/flame.ts';
import { thisMachine } from './output/machine.ts';
import { writePage } from './output/page.ts';
import type { News } from './output/steps.ts';
import { TerminalNews } from './output/terminal.ts';
import { quick } from './quick.ts';
import { figureOf, type Repeated, repeated } from './repeat.ts';
import { tableOf } from './report.ts';
import { paramsOf, runOnce } from './run.ts';
import { SideBroken, Stopped } from './runs/side.ts';
import { StartFailed } from './targets/pinned.ts';
import { usageText } from './usage-text.ts';

const terminal = new TerminalNews({
  write: (text) => void process.stderr.write(text), // beside the result, so that a pipe gets the result alone
  isTTY: process.stderr.isTTY === true,
  get columns() {
    return process.stderr.columns ?? 80;
  },
});

function main(words: readonly string[]): Promise<number> {
  thisMachine(); // before anything is pinned
  if (words.includes('--help')) {
    print(usageText());
    return Promise.resolve(exitCodes.well);
  }
  if (words[0] === 'compare') return compareFiles(words.slice(1));
  if (words[0] === 'report') return pageOf(words.slice(1));
  if (words[0] === 'flame') return flameOf(words.slice(1));
  if (words.includes('--quick')) return quick(words, terminal, print);
  return bench(readOptions(words));
}

async function bench(options: Options): Promise<number> {
  const lines: Line[] = [];
  const file = options.outFile === undefined ? undefined : new LineFile(options.outFile);
  const add = (line: Line): void => {
    lines.push(line);
    file?.add(line);
  };
  const news: News = { say: (text) => terminal.say(text), now: (text) => terminal.now(text), step: add };
  add({ kind: 'run', at: new Date().toISOString(), scenario: options.scenario.name, params: paramsOf(options), machine: thisMachine() });
  let [exitCode, why]: [number, string | null] = [exitCodes.broken, null];
  try {
    const outcome = await repeated(options.repeat, figureOf(options.scenario), async (attempt) => {
      if (options.repeat > 1) terminal.say(`run ${attempt}, for ${options.repeat} that count`);
      const result = await runOnce(options, news);
      add({ kind: 'result', ofAttempt: attempt, result: jsonOf(result) });
      return result;
    });
    terminal.clear();
    show(outcome, options);
    exitCode = codeOf(outcome);
    return exitCode;
  } catch (error) {
    why = (error as Error).message;
    exitCode = codeFor(error);
    throw error;
  } finally {
    add({ kind: 'end', at: new Date().toISOString(), exitCode, why });
    if (options.htmlFile !== undefined) writePage(reportOf(lines, 'this run'), options.htmlFile);
  }
}

function show({ result, values, voids }: Repeated, { json, repeat }: Options): void {
  const runs =
    repeat > 1
      ? `\nthe median of ${values.length} runs: ${values.map((value) => Number(value.toPrecision(4))).join(', ')}${voids > 0 ? `; ${voids} void ones don't count` : ''}`
      : '';
  print(json ? JSON.stringify({ ...jsonOf(result), ...(repeat > 1 && { runs: values, voids }) }) : `${tableOf(result)}${runs}`);
}

function codeOf({ result, whole }: { readonly result: Result; readonly whole: boolean }): number {
  const code = exitCodeOf(result);
  return code === exitCodes.well && !whole ? exitCodes.void : code;
}

async function compareFiles(words: readonly string[]): Promise<number> {
  const [a, b] = words;
  if (a === undefined || b === undefined || words.length > 2) throw new Usage('compare A.jsonl B.jsonl, two files that --out has written.');
  print(comparisonText(readReport(resolve(a)), readReport(resolve(b))));
  return exitCodes.well;
}

async function pageOf(words: readonly string[]): Promise<number> {
  const [path] = words;
  if (path === undefined || words.length > 1) throw new Usage('report FILE.jsonl, a file that --out has written.');
  const to = resolve(`${path.replace(/\.jsonl$/, '')}.html`);
  writePage(readReport(resolve(path)), to);
  print(to);
  return exitCodes.well;
}

async function flameOf(words: readonly string[]): Promise<number> {
  const [from, to] = words;
  if (from === undefined || to === undefined || words.length > 2) throw new Usage('flame FILE.cpuprofile FILE.svg: the first as --cpu-prof has written it.');
  drawProfile(resolve(from), resolve(to), basename(from));
  print(resolve(to));
  return exitCodes.well;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function codeFor(error: unknown): number {
  if (error instanceof Usage || error instanceof StartFailed || error instanceof NoReport) return exitCodes.usage;
  return error instanceof Stopped ? exitCodes.void : exitCodes.broken;
}

// Whatever ends us ends the servers that we started (see Pinned).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(exitCodes.void));
Promise.resolve()
  .then(() => main(process.argv.slice(2)))
  .then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      terminal.clear();
      const known = [Usage, StartFailed, DeviceFailed, SideBroken, Stopped, NoReport].some((kind) => error instanceof kind);
      process.stderr.write(`${known ? (error as Error).message : String((error as Error).stack ?? error)}\n`);
      process.exitCode = codeFor(error);
    },
  );
