// The text that Prometheus reads: by its rules, and with the right figures.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';

function fresh(t: TestContext): Metrics {
  const metrics = createMetrics();
  t.after(() => metrics.close());
  return metrics;
}

interface Shown {
  readonly help: Map<string, string>;
  readonly type: Map<string, string>;
  /** By the sample's name with its labels. */
  readonly samples: Map<string, number>;
}

/** Reads the text as strictly as Prometheus does. */
function parse(text: string): Shown {
  const shown: Shown = { help: new Map(), type: new Map(), samples: new Map() };
  assert.ok(text.endsWith('\n'));
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const told = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (told !== null) {
      const [, what, name = '', says = ''] = told;
      const into = what === 'HELP' ? shown.help : shown.type;
      assert.ok(!into.has(name), `${name} is described once`);
      into.set(name, says);
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})?) (-?[0-9.]+(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.exec(line);
    assert.ok(sample, `not a line of the format: ${line}`);
    const [, name = '', value] = sample;
    assert.ok(!shown.samples.has(name), `${name} stands once`);
    shown.samples.set(name, Number(value));
  }
  return shown;
}

const familyOf = (sample: string, type: ReadonlyMap<string, string>): string => {
  const name = sample.replace(/\{.*/, '');
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return type.get(base) === 'histogram' ? base : name;
};

function exercise(metrics: Metrics): void {
  for (const name of ['sessions', 'connections', 'chats_awake', 'audiences_awake', 'mailbox_fullest', 'quarantined', 'lagging_devices', 'admission_waiting'] as const)
    metrics.gauge(name, () => 7);
  metrics.refused('busy');
  metrics.transport('uws');
  metrics.batch(3);
  metrics.committed(2.5);
  metrics.synced(0.4);
}

test('every metric keeps the rules that promtool checks', async (t) => {
  const metrics = fresh(t);
  exercise(metrics);
  const { help, type, samples } = parse(await metrics.text());
  assert.ok(type.size > 25);
  assert.deepEqual([...help.keys()].sort(), [...type.keys()].sort());
  for (const [name, kind] of type) {
    assert.match(name, /^parley_[a-z0-9]+(_[a-z0-9]+)*$/);
    assert.equal(kind === 'counter', name.endsWith('_total'), `${name} is a ${kind}`);
    assert.doesNotMatch(name, /_(counter|gauge|histogram|summary)(_|$)/, 'the type is no part of the name');
    assert.doesNotMatch(name, /_(ms|millis|milliseconds|microseconds|nanoseconds|minutes|hours|kb|mb|kilobytes|megabytes|percent|sec|secs)(_|$)/, 'base units');
    if (kind !== 'histogram') assert.doesNotMatch(name, /_(bucket|sum|count)$/, 'reserved for histograms');
    assert.match(help.get(name) ?? '', /^[0-9A-Z].*\.$/, `${name} says what it means`);
  }
  for (const sample of samples.keys()) assert.ok(type.has(familyOf(sample, type)), `${sample} has a type`);
});

test('what is counted is shown, at every scrape as it stands then', async (t) => {
  const metrics = fresh(t);
  metrics.counts.appends += 1;
  metrics.counts.entries += 64;
  assert.equal(parse(await metrics.text()).samples.get('parley_entries_total'), 64);
  metrics.counts.entries += 1;
  const { samples } = parse(await metrics.text());
  assert.deepEqual([samples.get('parley_entries_total'), samples.get('parley_appends_total'), samples.get('parley_resyncs_total')], [65, 1, 0]);
});

test('a counter can be read where it is counted', async (t) => {
  const metrics = fresh(t);
  const kernel = { commands: 5 };
  metrics.counter('commands', () => kernel.commands);
  kernel.commands += 1;
  assert.equal(parse(await metrics.text()).samples.get('parley_commands_total'), 6);
});

test('a gauge is read at the scrape, and one that nobody offers is left out', async (t) => {
  const metrics = fresh(t);
  let sessions = 3;
  metrics.gauge('sessions', () => sessions);
  sessions = 4;
  const { samples } = parse(await metrics.text());
  assert.equal(samples.get('parley_sessions'), 4);
  assert.ok(!samples.has('parley_connections'));
});

test('refusals are counted by code, and no flood of codes makes a flood of series', async (t) => {
  const metrics = fresh(t);
  for (let i = 0; i < 3; i += 1) metrics.refused('busy');
  for (let i = 0; i < 1_000; i += 1) metrics.refused(`made-up-${i}`);
  metrics.refused('busy');
  const { samples } = parse(await metrics.text());
  const refusals = [...samples].filter(([name]) => name.startsWith('parley_refusals_total'));
  assert.equal(samples.get('parley_refusals_total{why="busy"}'), 4);
  assert.ok(refusals.length <= 65);
  assert.equal(
    refusals.reduce((sum, [, value]) => sum + value, 0),
    1_004,
  );
});

test('a histogram counts each value in every bucket from its own on, in base units', async (t) => {
  const metrics = fresh(t);
  for (const entries of [1, 2, 3, 64, 5_000]) metrics.batch(entries);
  metrics.committed(2);
  metrics.committed(3.9);
  for (let i = 0; i < 4; i += 1) metrics.synced(0.2);
  const { samples } = parse(await metrics.text());
  const bucket = (name: string, le: string): number | undefined => samples.get(`parley_${name}_bucket{le="${le}"}`);
  assert.deepEqual(
    ['1', '2', '4', '32', '64', '1024', '+Inf'].map((le) => bucket('batch_entries', le)),
    [1, 2, 3, 3, 4, 4, 5],
  );
  assert.deepEqual([samples.get('parley_batch_entries_sum'), samples.get('parley_batch_entries_count')], [5_070, 5]);
  assert.deepEqual(
    ['0.001', '0.002', '0.004', '+Inf'].map((le) => bucket('commit_seconds', le)),
    [0, 1, 2, 2],
  );
  assert.ok(Math.abs((samples.get('parley_commit_seconds_sum') ?? 0) - 0.0059) < 1e-9);
  assert.equal(samples.get('parley_fdatasyncs_total'), 4);
});

test('the process shows its memory, its CPU time, its start and the socket library', async (t) => {
  const metrics = fresh(t);
  metrics.transport('uws');
  const { samples } = parse(await metrics.text());
  assert.ok((samples.get('parley_process_resident_memory_bytes') ?? 0) > 10e6);
  assert.ok((samples.get('parley_process_cpu_seconds_total{mode="user"}') ?? 0) > 0.01);
  assert.ok(Math.abs((samples.get('parley_process_start_time_seconds') ?? 0) - Date.now() / 1_000) < 600);
  assert.equal(samples.get('parley_transport_info{transport="uws"}'), 1);
});

test('a blocked event loop shows as lag once, and not again after it was scraped', async (t) => {
  const metrics = fresh(t);
  const lag = async (stat: string): Promise<number> => parse(await metrics.text()).samples.get(`parley_event_loop_lag_seconds{stat="${stat}"}`) ?? Number.NaN;
  await new Promise((started) => setTimeout(started, 30));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  await new Promise((noticed) => setTimeout(noticed, 30));
  const seen = await lag('max');
  assert.ok(seen > 0.1 && seen < 5, `lag ${seen}`);
  await new Promise((later) => setTimeout(later, 30));
  assert.ok((await lag('max')) < seen);
});

test('a read that throws fails the scrape instead of showing a wrong figure', async (t) => {
  const metrics = fresh(t);
  metrics.gauge('sessions', () => {
    throw new Error('planted');
  });
  await assert.rejects(metrics.text(), /planted/);
});
