// A result as a table for people.
import { type Figures, jsonOf, type Measured, type Result, voidWhyOf } from './figures.ts';

type Row = readonly [label: string, unit: string, of: (measured: Measured) => number | null];

const figure =
  (name: keyof Figures) =>
  (measured: Measured): number | null =>
    measured.figures[name];

const rows: readonly Row[] = [
  ['messages', '/s', figure('messagesPerSecond')],
  ['deliveries', '/s', figure('deliveriesPerSecond')],
  ['deliveries per server CPU', '/s', figure('deliveriesPerServerCpuSecond')],
  ['connects per server CPU', '/s', figure('connectsPerServerCpuSecond')],
  ['connects', '/s', ({ notes }) => notes.connectsPerSecond],
  ['memory per session', 'B', figure('rssPerSessionBytes')],
  ['latency, median', 'ms', figure('p50Ms')],
  ['latency, 99 %', 'ms', figure('p99Ms')],
  ['latency, 99.9 %', 'ms', figure('p999Ms')],
  ['latency, 99 %, at half', 'ms', ({ notes }) => notes.p99AtHalfMs],
  ['sent', '', figure('sent')],
  ['received', '', figure('received')],
  ['lost', '', figure('lost')],
  ['doubled', '', figure('doubled')],
  ['reordered', '', figure('reordered')],
  ['fdatasyncs', '', figure('fdatasyncs')],
  ['waited for the window', '', ({ notes }) => notes.blocked],
  ['asked to send again', '', ({ notes }) => notes.refused],
  ['all converged after', 'ms', ({ notes }) => notes.convergedMs],
  ['tries again', '', ({ notes }) => notes.retries],
  ['memory at the end', 'MiB', ({ notes }) => notes.rssMibAtEnd],
  ['memory grows', 'MiB/h', ({ notes }) => notes.rssMibPerHour],
  ['healed by pull', '', ({ notes }) => notes.healed],
  ['server busy', '', figure('serverUtilisation')],
  ['generator busy', '', figure('generatorUtilisation')],
  ['server kept waiting', '', ({ notes }) => notes.contention.server],
  ['generator kept waiting', '', ({ notes }) => notes.contention.generator],
];

export function tableOf(result: Result): string {
  const { scenario, params, ours, baseline } = result;
  const lines = [
    `${scenario}  ${Object.entries(params)
      .map(([name, value]) => `${name} ${value}`)
      .join('  ')}  transport ${ours.transport}`,
    '',
  ];
  lines.push(line('', 'parley', baseline ? 'baseline' : ''));
  for (const [label, unit, of] of rows) {
    const [own, other] = [of(ours), baseline ? of(baseline) : null];
    if (own !== null || other !== null) lines.push(line(unit === '' ? label : `${label} (${unit})`, shown(own), baseline ? shown(other) : ''));
  }
  const { share } = jsonOf(result);
  const voidWhy = voidWhyOf(ours, baseline);
  if (share !== null) lines.push('', `share of the baseline (${result.shareOf}): ${share}`);
  if (voidWhy !== null) lines.push('', `VOID: ${voidWhy}`);
  return lines.join('\n');
}

function line(label: string, own: string, other: string): string {
  return `${label.padEnd(32)}${own.padStart(14)}${other.padStart(14)}`.trimEnd();
}

function shown(value: number | null): string {
  if (value === null) return '–';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
