// A report as one HTML page with plots. Everything is in it: it opens from disk and asks no network.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Json } from '../figures.ts';
import type { Report } from './file.ts';
import { machineText } from './machine.ts';
import { draw, plotsOf } from './plots.ts';
import type { Step } from './steps.ts';

export function writePage(report: Report, path: string): void {
  writeFileSync(path, pageOf(report));
}

export function pageOf(report: Report): string {
  const { run, results, end } = report;
  const plots = plotsOf(report);
  const library = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  const asset = (name: string): string => readFileSync(join(library, 'dist', name), 'utf8');
  const params = Object.entries(run.params).map(([name, value]) => `${name} ${value}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(run.scenario)}, ${escaped(run.at)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<style>${asset('uPlot.min.css')}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem;color:#1f2328}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #d8dee4}
td:first-child,th:first-child{text-align:left}.void{color:#d1242f;font-weight:600}.plot{margin:2rem 0}details{margin:2rem 0;overflow-x:auto}</style></head><body>
<h1>${escaped(run.scenario)}</h1>
<p>${escaped(params.join(' · '))}<br>${escaped(run.at)} · ${escaped(machineText(run.machine))}</p>
${end?.why ? `<p class="void">Ended before its end: ${escaped(end.why)}</p>` : ''}
${results.map(({ result, ofAttempt }) => resultOf(result, ofAttempt)).join('\n')}
${plots.map((_, at) => `<div class="plot" id="plot${at}"></div>`).join('\n')}
<details><summary>Every step</summary>${stepsOf(report.steps)}</details>
<script>${asset('uPlot.iife.min.js')}</script>
<script type="application/json" id="plots">${JSON.stringify(plots).replaceAll('<', '\\u003c')}</script>
<script>(${draw.toString()})(JSON.parse(document.getElementById('plots').textContent), { uPlot, place: (at) => document.getElementById('plot' + at), width: Math.min(960, document.body.clientWidth) });</script>
</body></html>
`;
}

const figures: readonly (readonly [string, keyof Json & string])[] = [
  ['messages /s', 'messagesPerSecond'],
  ['deliveries /s', 'deliveriesPerSecond'],
  ['deliveries per server CPU s', 'deliveriesPerServerCpuSecond'],
  ['connects per server CPU s', 'connectsPerServerCpuSecond'],
  ['memory per session, B', 'rssPerSessionBytes'],
  ['latency, median, ms', 'p50Ms'],
  ['latency, 99 %, ms', 'p99Ms'],
  ['latency, 99.9 %, ms', 'p999Ms'],
  ['latency, 99 %, at half, ms', 'p99AtHalfMs'],
  ['all converged after, ms', 'convergedMs'],
  ['memory grows, MiB/h', 'rssMibPerHour'],
  ['sent', 'sent'],
  ['lost', 'lost'],
  ['doubled', 'doubled'],
  ['reordered', 'reordered'],
  ['server busy', 'serverUtilisation'],
  ['generator busy', 'generatorUtilisation'],
];

function resultOf(result: Json, attempt: number): string {
  const other = result.baseline as Readonly<Record<string, unknown>> | null;
  const rows = figures
    .map(([label, name]) => [label, result[name], other?.[name]] as const)
    .filter(([, own, theirs]) => typeof own === 'number' || typeof theirs === 'number')
    .map(([label, own, theirs]) => `<tr><td>${label}</td><td>${shown(own)}</td>${other === null ? '' : `<td>${shown(theirs)}</td>`}</tr>`);
  const share = result.share === null ? '' : `<p>share of the baseline: <b>${result.share}</b></p>`;
  const isVoid = result.voidWhy === null ? '' : `<p class="void">VOID: ${escaped(result.voidWhy)}</p>`;
  return `<h2>Run ${attempt}</h2>${isVoid}${share}<table><tr><th></th><th>parley</th>${other === null ? '' : '<th>baseline</th>'}</tr>${rows.join('')}</table>`;
}

const columns: readonly (keyof Step & string)[] = [
  'target',
  'phase',
  'rate',
  'seconds',
  'messagesPerSecond',
  'deliveriesPerSecond',
  'p50Ms',
  'p99Ms',
  'p999Ms',
  'maxMs',
  'lost',
  'serverCpu',
  'serverWaited',
  'serverRssMiB',
  'loopLagP99Ms',
  'fdatasyncs',
  'generatorCpu',
];

function stepsOf(steps: readonly Step[]): string {
  const rows = steps.map((step) => `<tr>${columns.map((name) => `<td>${typeof step[name] === 'string' ? escaped(step[name]) : shown(step[name])}</td>`).join('')}</tr>`);
  return `<table><tr>${columns.map((name) => `<th>${name}</th>`).join('')}</tr>${rows.join('')}</table>`;
}

function shown(value: unknown): string {
  if (typeof value !== 'number') return '–';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
