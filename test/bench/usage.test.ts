// Processor time and memory as the system tells them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fdatasyncsIn } from '../../bench/targets/metrics.ts';
import { rssBytesOf, threadSecondsOf, usageOf, usedBetween, usedOver } from '../../bench/targets/usage.ts';

test('processor time of a process is what the system counts for all its threads; elsewhere than on Linux it is unknown', () => {
  const ownBefore = process.cpuUsage();
  const before = usageOf(process.pid);
  for (let sum = 0, untilMs = performance.now() + 300; performance.now() < untilMs; ) sum += Math.sqrt(sum + 1);
  const after = usageOf(process.pid);
  const own = process.cpuUsage(ownBefore);
  const { cpuSeconds, wallSeconds, utilisation } = usedBetween(before, after);
  if (process.platform !== 'linux') return assert.equal(cpuSeconds, null);
  assert.ok(Math.abs((cpuSeconds as number) - (own.user + own.system) / 1e6) < 0.05, `${cpuSeconds} s`);
  assert.ok(wallSeconds >= 0.3 && (utilisation as number) > 0 && (utilisation as number) <= 2);
});

test('processor time by thread is that of the process', () => {
  const before = threadSecondsOf(process.pid);
  if (process.platform !== 'linux') return assert.equal(before, null);
  const ownBefore = process.cpuUsage();
  while (process.cpuUsage(ownBefore).user < 200_000) Math.sqrt(Math.random());
  const after = threadSecondsOf(process.pid);
  const own = process.cpuUsage(ownBefore);
  assert.ok(before && after);
  const used = after.main + after.others - before.main - before.others;
  assert.ok(Math.abs(used - (own.user + own.system) / 1e6) < 0.05 && after.main - before.main > 0.1, `${used} s`);
  assert.equal(threadSecondsOf(2 ** 22), null, 'no such process');
});

test('stretches add up, and what the system does not tell stays unknown', () => {
  const at = (ms: number, cpuSeconds: number | null) => ({ atMs: ms, cpuSeconds, waitedSeconds: 0 });
  const used = usedOver([
    { before: at(0, 1), after: at(1_000, 1.5) },
    { before: at(5_000, 9), after: at(7_000, 10) },
  ]);
  assert.deepEqual([used.wallSeconds, used.cpuSeconds, used.utilisation], [3, 1.5, 0.5]);
  assert.equal(usedBetween(at(0, null), at(1_000, 2)).cpuSeconds, null);
  assert.equal(rssBytesOf(2 ** 22), null, 'no such process');
});

test('the count of fdatasyncs is found among the metrics, whichever form it has', () => {
  assert.equal(fdatasyncsIn('# HELP parley_fdatasyncs_total x\nparley_fdatasyncs_total 41\nparley_sessions 5\n'), 41);
  assert.equal(fdatasyncsIn('parley_fdatasync_seconds_sum 0.5\nparley_fdatasync_seconds_count{node="alone"} 1.2e3\n'), 1_200);
  assert.equal(fdatasyncsIn('parley_sessions 5\n'), null);
});
