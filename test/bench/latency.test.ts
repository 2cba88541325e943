// The histogram of latencies.
import assert from 'node:assert/strict';
import { createHistogram } from 'node:perf_hooks';
import { test } from 'node:test';
import { Latency } from '../../bench/generator/latency.ts';
import { seededRandom } from '../../bench/generator/schedule.ts';

const percentiles = [0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100];

test('percentiles are those of another HDR histogram, to a thousandth, from a microsecond to minutes', () => {
  const random = seededRandom(7);
  const [own, other] = [new Latency(), createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 })];
  for (let at = 0; at < 200_000; at += 1) {
    const us = Math.max(1, Math.round(Math.exp(random() * 20)));
    own.record(us / 1_000);
    other.record(us);
  }
  for (const percentile of percentiles) {
    const [ours, theirs] = [own.ms(percentile) as number, other.percentile(percentile) / 1_000];
    assert.ok(Math.abs(ours / theirs - 1) <= 0.002, `${percentile}: ${ours} and ${theirs}`);
  }
  assert.equal(own.count, 200_000);
});

test('what took no time, or for ever, is in the first and the last place', () => {
  const latency = new Latency(5);
  for (const ms of [0, -1, 4, 1e9]) latency.record(ms);
  assert.equal(latency.ms(1), 0.001);
  assert.ok((latency.ms(100) as number) >= 600_000);
  assert.deepEqual([latency.over, latency.count, new Latency().ms(99)], [1, 4, null]);
});

test('two that are added, one of them from another process, are as one', () => {
  const random = seededRandom(8);
  const [whole, half, rest] = [new Latency(), new Latency(), new Latency(10)];
  for (let at = 0; at < 10_000; at += 1) {
    const ms = random() * 100;
    whole.record(ms);
    (at % 2 === 0 ? half : rest).record(ms);
  }
  half.add(Latency.from(JSON.parse(JSON.stringify(rest.dump()))));
  for (const percentile of percentiles) assert.equal(half.ms(percentile), whole.ms(percentile));
  assert.deepEqual([half.count, half.over], [10_000, rest.over]);
});
