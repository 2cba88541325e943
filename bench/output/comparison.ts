// Two reports side by side: what the second is to the first.
import type { Figures, Json } from '../figures.ts';
import type { Report, ResultLine } from './file.ts';
import { machineText } from './machine.ts';

type Named = readonly [label: string, of: (result: Json) => number | null, better: 'more' | 'less'];

const figure =
  (name: keyof Figures) =>
  (result: Json): number | null =>
    result[name];

const rows: readonly Named[] = [
  ['share of the baseline', ({ share }) => share, 'more'],
  ['messages /s', figure('messagesPerSecond'), 'more'],
  ['deliveries /s', figure('deliveriesPerSecond'), 'more'],
  ['deliveries per server CPU s', figure('deliveriesPerServerCpuSecond'), 'more'],
  ['connects per server CPU s', figure('connectsPerServerCpuSecond'), 'more'],
  ['memory per session, B', figure('rssPerSessionBytes'), 'less'],
  ['latency, median, ms', figure('p50Ms'), 'less'],
  ['latency, 99 %, ms', figure('p99Ms'), 'less'],
  ['latency, 99 %, at half, ms', ({ p99AtHalfMs }) => p99AtHalfMs, 'less'],
  ['all converged after, ms', ({ convergedMs }) => convergedMs, 'less'],
  ['memory grows, MiB/h', ({ rssMibPerHour }) => rssMibPerHour, 'less'],
];

export interface Compared {
  readonly label: string;
  readonly a: number;
  readonly b: number;
  /** b to a. */
  readonly ratio: number;
  readonly verdict: 'better' | 'worse' | 'the same';
}

/** Below this a difference is noise. */
const noise = 0.03;

/** Figures that both have: the medians of the runs that are not void. */
export function compare(a: Report, b: Report): readonly Compared[] {
  return rows.flatMap(([label, of, better]) => {
    const [first, second] = [medianOf(a.results, of), medianOf(b.results, of)];
    if (first === null || second === null || first === 0) return [];
    const ratio = second / first;
    const isBetter = better === 'more' ? ratio > 1 : ratio < 1;
    return [{ label, a: first, b: second, ratio, verdict: Math.abs(ratio - 1) < noise ? 'the same' : isBetter ? 'better' : 'worse' }];
  });
}

export function comparisonText(a: Report, b: Report): string {
  const lines = [`A: ${headOf(a)}`, `B: ${headOf(b)}`];
  const unlike = unlikeIn(a, b);
  if (unlike.length > 0) lines.push(`not alike: ${unlike.join(', ')}`);
  lines.push('', row('', 'A', 'B', 'B to A'));
  for (const { label, a: first, b: second, ratio, verdict } of compare(a, b)) lines.push(row(label, number(first), number(second), `${ratio.toFixed(3)}  ${verdict}`));
  return lines.join('\n');
}

/** What makes the comparison one of unlike things. */
export function unlikeIn(a: Report, b: Report): readonly string[] {
  const names = [...new Set([...Object.keys(a.run.params), ...Object.keys(b.run.params)])];
  const params = names
    .filter((name) => name !== 'seed' && a.run.params[name] !== b.run.params[name])
    .map((name) => `${name} ${a.run.params[name] ?? '–'} and ${b.run.params[name] ?? '–'}`);
  const scenario = a.run.scenario === b.run.scenario ? [] : [`scenario ${a.run.scenario} and ${b.run.scenario}`];
  const machine = a.run.machine.cpu === b.run.machine.cpu && a.run.machine.cores === b.run.machine.cores ? [] : ['the machines (only shares of the baseline can be compared)'];
  return [...scenario, ...params, ...machine];
}

function headOf({ run, results }: Report): string {
  const isVoid = results.filter(({ result }) => result.void).length;
  return `${run.scenario} of ${run.at.slice(0, 16)}Z on ${machineText(run.machine)}; ${results.length} runs${isVoid > 0 ? `, ${isVoid} of them void` : ''}`;
}

export function medianOf(results: readonly ResultLine[], of: (result: Json) => number | null): number | null {
  const values = results
    .filter(({ result }) => !result.void)
    .map(({ result }) => of(result))
    .filter((value) => value !== null)
    .sort((x, y) => x - y);
  return values[Math.floor((values.length - 1) / 2)] ?? null;
}

function row(label: string, a: string, b: string, ratio: string): string {
  return `${label.padEnd(32)}${a.padStart(14)}${b.padStart(14)}  ${ratio}`.trimEnd();
}

function number(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
