// The guard against becoming slower: what a message, a connect and a session cost at a fixed load, as a ratio to the baseline of the same run, beside what the repository keeps.
// Processor time at a rate that both hold moves far less from run to run than the highest rate does, and takes seconds.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOf, type Figures, ratio } from './figures.ts';
import { readOptions, Usage } from './options.ts';
import { type Machine, machineText, thisMachine } from './output/machine.ts';
import { type News, noNews } from './output/steps.ts';
import { runOnce } from './run.ts';

interface Check {
  readonly name: string;
  readonly words: readonly string[];
  readonly figure: keyof Figures;
  readonly better: 'more' | 'less';
  /** Left out: the ratio to the baseline. Memory does not hang on how fast a machine is, and the baseline's is so little that a ratio to it is noise. */
  readonly inFull?: true;
  /** How much worse than the kept ratio is still noise; seen from run to run on one machine. */
  readonly tolerance: number;
}

const checks: readonly Check[] = [
  { name: 'one-to-one', words: ['one-to-one', '--start', '--rate', '4000', '--seconds', '12'], figure: 'deliveriesPerServerCpuSecond', better: 'more', tolerance: 0.2 },
  { name: 'fan-out', words: ['fan-out', '--start', '--rate', '2000', '--seconds', '12'], figure: 'deliveriesPerServerCpuSecond', better: 'more', tolerance: 0.2 },
  { name: 'connect', words: ['connect', '--start', '--sessions', '5000'], figure: 'connectsPerServerCpuSecond', better: 'more', tolerance: 0.3 },
  { name: 'idle', words: ['idle', '--start', '--sessions', '5000', '--baseline', 'none'], figure: 'rssPerSessionBytes', better: 'less', inFull: true, tolerance: 0.15 },
];

/** What bench/figures/quick.json keeps. */
export interface Kept {
  readonly at: string;
  readonly machine: Machine;
  /** Ours to the baseline's, or in full. */
  readonly values: Readonly<Record<string, number>>;
}

const keptFile = new URL('./figures/quick.json', import.meta.url);

export async function quick(words: readonly string[], news: Pick<News, 'say' | 'now'>, print: (text: string) => void): Promise<number> {
  const { compare, keep } = options(words);
  const kept = compare ? read() : undefined;
  const values: Record<string, number> = {};
  let worst: number = exitCodes.well;
  for (const { name, words: asked, figure, inFull } of checks) {
    const result = await runOnce(readOptions(asked), { ...noNews, say: (text) => news.say(text), now: (text) => news.now(text) });
    const code = exitCodeOf(result);
    const value = ratio(result.ours.figures[figure], inFull ? 1 : (result.baseline?.figures[figure] ?? null));
    if (value !== null) values[name] = value;
    if (code !== exitCodes.well || value === null) {
      news.say(`${name}: ${code === exitCodes.broken ? 'something was lost, doubled or reordered' : 'void'}`);
      worst = worst === exitCodes.broken ? worst : code === exitCodes.broken ? code : exitCodes.void;
    }
  }
  print(tableOf(values, kept));
  if (worst !== exitCodes.well) return worst;
  if (keep) writeFileSync(keptFile, `${JSON.stringify({ at: new Date().toISOString(), machine: thisMachine(), values } satisfies Kept, undefined, 2)}\n`);
  return kept !== undefined && slower(values, kept).length > 0 ? exitCodes.slower : exitCodes.well;
}

/** The checks whose ratio is worse than the kept one by more than noise. */
export function slower(values: Readonly<Record<string, number>>, kept: Kept): readonly string[] {
  return checks
    .filter(({ name, better, tolerance }) => {
      const [now, then] = [values[name], kept.values[name]];
      if (now === undefined || then === undefined) return false;
      return better === 'more' ? now < then * (1 - tolerance) : now > then * (1 + tolerance);
    })
    .map(({ name }) => name);
}

export function tableOf(values: Readonly<Record<string, number>>, kept: Kept | undefined): string {
  const bad = kept === undefined ? [] : slower(values, kept);
  const lines = kept === undefined ? [] : [`kept: ${kept.at.slice(0, 10)}, ${machineText(kept.machine)}`];
  lines.push(`${'ratio to the baseline'.padEnd(40)}${'now'.padStart(10)}${kept === undefined ? '' : 'kept'.padStart(10)}`);
  for (const { name, figure, inFull } of checks) {
    const then = kept?.values[name];
    const verdict = kept === undefined ? '' : bad.includes(name) ? '  WORSE' : '  holds';
    lines.push(`${`${name}, ${figure}${inFull ? ' in full' : ''}`.padEnd(40)}${shown(values[name]).padStart(10)}${kept === undefined ? '' : shown(then).padStart(10)}${verdict}`);
  }
  return lines.join('\n');
}

function options(words: readonly string[]): { readonly compare: boolean; readonly keep: boolean } {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { quick: { type: 'boolean' }, compare: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
    });
    return { compare: values.compare, keep: values.keep };
  } catch (error) {
    throw new Usage(`${(error as Error).message}. --quick goes with --compare or --keep alone.`);
  }
}

function read(): Kept {
  try {
    return JSON.parse(readFileSync(keptFile, 'utf8')) as Kept;
  } catch (cause) {
    throw new Usage('bench/figures/quick.json keeps no figures yet: `npm run bench -- --quick --keep` measures them.', { cause });
  }
}

function shown(value: number | undefined): string {
  if (value === undefined) return '–';
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
