// The form of the reported figures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodeOf, jsonOf, type Measured, noFigures, noNotes, type Result } from '../../bench/figures.ts';
import { tableOf } from '../../bench/report.ts';

const promised =
  'scenario params transport messagesPerSecond deliveriesPerSecond deliveriesPerServerCpuSecond connectsPerServerCpuSecond rssPerSessionBytes p50Ms p99Ms p999Ms sent received fdatasyncs lost doubled reordered serverUtilisation generatorUtilisation void baseline share'.split(
    ' ',
  );

function measuredOf(figures: Partial<Measured['figures']>, voidWhy?: string): Measured {
  return { transport: 'uws', figures: { ...noFigures, lost: 0, doubled: 0, reordered: 0, ...figures }, notes: noNotes, voidWhy };
}

function resultOf(ours: Measured, baseline?: Measured): Result {
  return { scenario: 'one-to-one', params: { pairs: 500 }, ours, baseline, shareOf: 'messagesPerSecond' };
}

test('the JSON begins with exactly the promised keys, in their order, and its baseline has the same figures', () => {
  const json = jsonOf(resultOf(measuredOf({ messagesPerSecond: 30_000.123456 }), measuredOf({ messagesPerSecond: 60_000 })));
  assert.deepEqual(Object.keys(json).slice(0, promised.length), promised);
  assert.deepEqual(Object.keys(json.baseline as object).slice(0, 16), promised.slice(3, 19));
  assert.equal(json.share, 0.5);
  assert.equal(json.messagesPerSecond, 30_000.1);
  assert.equal(json.void, false);
  assert.equal(json.p99Ms, null);
  assert.deepEqual(JSON.parse(JSON.stringify(json)), json);
});

test('without a baseline there is no share', () => {
  const json = jsonOf(resultOf(measuredOf({ messagesPerSecond: 1 })));
  assert.deepEqual([json.baseline, json.share], [null, null]);
});

test('the exit code is 1 when something was lost, doubled or reordered, 3 when the run is void, and 1 when both', () => {
  assert.equal(exitCodeOf(resultOf(measuredOf({}), measuredOf({}))), 0);
  assert.equal(exitCodeOf(resultOf(measuredOf({ lost: null, doubled: null, reordered: null }))), 0);
  for (const bad of ['lost', 'doubled', 'reordered']) assert.equal(exitCodeOf(resultOf(measuredOf({ [bad]: 1 }))), 1);
  assert.equal(exitCodeOf(resultOf(measuredOf({}, 'the generator was busy 97 % of the time'))), 3);
  assert.equal(exitCodeOf(resultOf(measuredOf({}), measuredOf({}, 'the generator was busy 97 % of the time'))), 3);
  assert.equal(exitCodeOf(resultOf(measuredOf({ lost: 1 }, 'the generator was busy 97 % of the time'))), 1);
});

test('a void run says why, in the table and in the JSON', () => {
  const result = resultOf(measuredOf({ messagesPerSecond: 7 }), measuredOf({}, 'too busy'));
  assert.equal(jsonOf(result).voidWhy, 'baseline: too busy');
  assert.match(tableOf(result), /VOID: baseline: too busy/);
  assert.match(tableOf(result), /^messages \(\/s\) +7 +–$/m);
});
