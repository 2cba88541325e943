// Medians of runs, the guard against becoming slower, slopes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Measured, noFigures, noNotes, type Result } from '../../bench/figures.ts';
import { type Kept, slower } from '../../bench/quick.ts';
import { repeated } from '../../bench/repeat.ts';
import { slopeOf } from '../../bench/slope.ts';

function resultOf(value: number, change: { readonly voidWhy?: string; readonly lost?: number } = {}): Result {
  const ours: Measured = { transport: 'uws', figures: { ...noFigures, messagesPerSecond: value, lost: change.lost ?? 0 }, notes: noNotes, voidWhy: change.voidWhy };
  return { scenario: 'one-to-one', params: {}, ours, baseline: undefined, shareOf: undefined };
}

async function repeatedOf(times: number, results: readonly Result[]) {
  let tries = 0;
  const outcome = await repeated(
    times,
    ({ ours }) => ours.figures.messagesPerSecond,
    async () => results[tries++] as Result,
  );
  return { ...outcome, value: outcome.result.ours.figures.messagesPerSecond, tries };
}

const isVoid = { voidWhy: 'busy' };

test('the result is the median of the runs that count, void ones are made up for', async () => {
  const { value, values, voids, whole, tries } = await repeatedOf(3, [resultOf(30), resultOf(99, isVoid), resultOf(10), resultOf(20)]);
  assert.deepEqual([value, values, voids, whole, tries], [20, [10, 20, 30], 1, true, 4]);
});

test('where too many are void the rest is not whole, and where all are there is none', async () => {
  const some = await repeatedOf(3, [...Array.from({ length: 5 }, () => resultOf(1, isVoid)), resultOf(5)]);
  assert.deepEqual([some.value, some.whole, some.tries], [5, false, 6]);
  const none = await repeatedOf(1, [resultOf(1, isVoid)]);
  assert.deepEqual([none.values, none.whole, none.result.ours.voidWhy], [[], false, 'busy']);
});

test('a run that lost something is the result at once', async () => {
  const { value, tries, whole } = await repeatedOf(3, [resultOf(30), resultOf(10, { lost: 1 })]);
  assert.deepEqual([value, tries, whole], [10, 2, false]);
});

test('worse than the kept ratio by more than noise is slower, whichever way is better', () => {
  const kept = { at: '', values: { 'one-to-one': 0.5, idle: 3 } } as unknown as Kept;
  assert.deepEqual(slower({ 'one-to-one': 0.45, idle: 3.3 }, kept), []);
  assert.deepEqual(slower({ 'one-to-one': 0.9, idle: 1 }, kept), []);
  assert.deepEqual(slower({ 'one-to-one': 0.3, idle: 5 }, kept), ['one-to-one', 'idle']);
  assert.deepEqual(slower({ connect: 0.1 }, kept), [], 'of what was not kept nothing is said');
});

test('the slope of points on a line is its own, and one point has none', () => {
  const slope = slopeOf([1, 2, 5].map((x) => [x, 3 - 2 * x] as const)) as number;
  assert.ok(Math.abs(slope + 2) < 1e-12);
  assert.equal(slopeOf([[1, 1]]), null);
});
