// What a run leaves behind: lines, comparisons, pages.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { jsonOf, type Measured, noFigures, noNotes } from '../../bench/figures.ts';
import { Latency } from '../../bench/generator/latency.ts';
import { compare, comparisonText, unlikeIn } from '../../bench/output/comparison.ts';
import { type Line, LineFile, NoReport, type Report, type ResultLine, readReport, reportOf } from '../../bench/output/file.ts';
import { thisMachine } from '../../bench/output/machine.ts';
import { pageOf } from '../../bench/output/page.ts';
import { plotsOf } from '../../bench/output/plots.ts';
import type { Step } from '../../bench/output/steps.ts';
import { TerminalNews } from '../../bench/output/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-bench-output-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function stepOf(change: Partial<Step>): Step {
  const none = { lost: 0, doubled: 0, reordered: 0, healed: 0, blocked: 0, refused: 0, serverWaited: null, fdatasyncs: null, generatorWaited: null, loopLagMaxMs: null };
  return {
    ...none,
    ...{ kind: 'step', at: '2026-11-25T12:00:10.000Z', target: 'parley', phase: 'measure', rate: 100, seconds: 3, messagesPerSecond: 100, deliveriesPerSecond: 100 },
    ...{ p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5, endedEarly: false, sent: 300, received: 300, serverCpu: 0.5, serverRssMiB: 80, loopLagP99Ms: 1, generatorCpu: 0.2 },
    samples: [{ at: 0.25, cpu: 0.4, rssMiB: 79 }],
    histogram: new Latency().dump(),
    ...change,
  };
}

function resultOf(figures: Partial<Measured['figures']>, voidWhy?: string): ResultLine {
  const ours: Measured = { transport: 'uws', figures: { ...noFigures, ...figures }, notes: noNotes, voidWhy };
  return { kind: 'result', ofAttempt: 1, result: jsonOf({ scenario: 'one-to-one', params: {}, ours, baseline: undefined, shareOf: undefined }) };
}

function reportWith(lines: readonly Line[], params: Record<string, number | string> = { pairs: 5 }): Report {
  return reportOf([{ kind: 'run', at: '2026-11-25T12:00:00.000Z', scenario: 'one-to-one', params, machine: thisMachine() }, ...lines], 'x');
}

test('a file of lines is read as it was written, and what broke off in the middle of a line is what came before it', () => {
  const path = join(folder, 'run.jsonl');
  const file = new LineFile(path);
  const report = reportWith([stepOf({}), resultOf({ messagesPerSecond: 5 })]);
  for (const line of [report.run, ...report.steps, ...report.results]) file.add(line);
  assert.deepEqual(readReport(path), report);
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"kind":"en`);
  assert.deepEqual(readReport(path), report);
});

test('a file of another kind, or none, is refused with its name', () => {
  const path = join(folder, 'other.json');
  assert.throws(() => readReport(path), NoReport);
  writeFileSync(path, '{"kind":"step"}\n');
  assert.throws(() => readReport(path), /other\.json is not a file that --out has written/);
  writeFileSync(path, 'no\n{}\n');
  assert.throws(() => readReport(path), /line 1 is no JSON/);
});

test('a comparison takes the medians of the runs that count, and says which way is better', () => {
  const a = reportWith([100, 110, 90].map((messagesPerSecond) => resultOf({ messagesPerSecond, p99Ms: 10 })));
  const b = reportWith([resultOf({ messagesPerSecond: 1 }, 'void'), resultOf({ messagesPerSecond: 120, p99Ms: 12 })]);
  assert.deepEqual(
    compare(a, b).map(({ label, a: first, b: second, verdict }) => [label, first, second, verdict]),
    [
      ['messages /s', 100, 120, 'better'],
      ['latency, 99 %, ms', 10, 12, 'worse'],
    ],
  );
  assert.match(comparisonText(a, b), /messages \/s +100 +120 +1\.200 {2}better/);
  assert.deepEqual(unlikeIn(a, reportWith([], { pairs: 6 })), ['pairs 5 and 6']);
});

test('plots show each target at its rates, settling left out, and no plot without values', () => {
  const plots = plotsOf(
    reportWith([stepOf({ phase: 'settle', p50Ms: 99 }), stepOf({ deliveriesPerSecond: 200, p50Ms: 2, loopLagP99Ms: null }), stepOf({ target: 'baseline', loopLagP99Ms: null })]),
  );
  assert.deepEqual(plots[0]?.series.slice(0, 4), ['parley, median', 'parley, 99 %', 'parley, 99.9 %', 'baseline, median']);
  assert.deepEqual(plots[0]?.data.slice(0, 2), [
    [100, 200],
    [null, 2],
  ]);
  assert.ok(!plots.some(({ title }) => title.startsWith('Event-loop')));
});

test('a page has everything in it: it names no other file and no host, and what it quotes is quoted', () => {
  const page = pageOf(reportWith([stepOf({ target: '</script><b>' }), resultOf({ messagesPerSecond: 5 }, '<void>')], { note: '<i>' }));
  const code = page.replaceAll(/\/\*.*?\*\//gs, '');
  for (const outside of [/\b(?:src|href)\s*=\s*["']/i, /@import|url\(/i, /https?:\/\//]) assert.ok(!outside.test(code), `${outside} is found`);
  assert.ok(page.includes('VOID: &lt;void&gt;') && page.includes('note &lt;i&gt;') && !page.includes('</script><b>'));
  assert.ok(page.includes('uPlot'));
});

test('in a log only lines that stay are written; a terminal has one that changes, no wider than it is', () => {
  const written: string[] = [];
  const news = (isTTY: boolean): TerminalNews => new TerminalNews({ write: (text) => written.push(text), isTTY, columns: 20 });
  const log = news(false);
  log.now('1 of 3');
  log.say('done');
  assert.deepEqual(written.splice(0), ['done\n']);
  const terminal = news(true);
  terminal.now('x'.repeat(50));
  terminal.say('done');
  assert.deepEqual(written, [`\r\u001b[K${'x'.repeat(19)}`, '\r\u001b[K', 'done\n']);
});
