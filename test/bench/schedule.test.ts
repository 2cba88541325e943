// Open-loop arrivals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schedule, seededRandom } from '../../bench/generator/schedule.ts';

function dueTimes(schedule: Schedule, count: number): number[] {
  return Array.from({ length: count }, () => schedule.take());
}

test('uniform arrivals keep their distance and do not drift', () => {
  const schedule = new Schedule({ startMs: 1_000, rate: 3, arrivals: 'uniform', random: seededRandom(1) });
  const due = dueTimes(schedule, 3_000_001);
  assert.equal(due[0], 1_000);
  assert.equal(due[3], 2_000);
  assert.equal(due[3_000_000], 1_000 + 1_000_000_000);
});

test('Poisson arrivals have the rate asked for, and gaps as random ones have', () => {
  const schedule = new Schedule({ startMs: 0, rate: 1_000, arrivals: 'poisson', random: seededRandom(7) });
  const due = dueTimes(schedule, 100_000);
  const gaps = due.map((ms, at) => ms - (due[at - 1] ?? 0));
  const mean = (due.at(-1) as number) / due.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(mean - 1) < 0.02, `mean gap ${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 1) < 0.03, `deviation ${Math.sqrt(variance)}`);
  assert.ok(gaps.every((gap) => gap >= 0));
});

test('when a message is due does not depend on when the one before was taken', () => {
  const early = new Schedule({ startMs: 0, rate: 50, arrivals: 'poisson', random: seededRandom(3) });
  const late = new Schedule({ startMs: 0, rate: 50, arrivals: 'poisson', random: seededRandom(3) });
  const wanted = dueTimes(early, 100);
  const got: number[] = [];
  for (let nowMs = 0; got.length < 100; nowMs += 700) while (late.nextMs <= nowMs && got.length < 100) got.push(late.take()); // a generator that wakes rarely
  assert.deepEqual(got, wanted);
});

test('the same seed gives the same run, another one another', () => {
  const draw = (seed: number) => Array.from({ length: 10 }, seededRandom(seed));
  assert.deepEqual(draw(5), draw(5));
  assert.notDeepEqual(draw(5), draw(6));
  const many = Array.from({ length: 100_000 }, seededRandom(9));
  assert.ok(many.every((value) => value >= 0 && value < 1));
  assert.ok(Math.abs(many.reduce((sum, value) => sum + value, 0) / many.length - 0.5) < 0.01);
});
