// How far apart commits begin: close while there is time, further when there is none, and not for a moment's sake.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Spacing } from '../../src/store/spacing.level.ts';

/** The spacing after looks, 100 ms apart, at an event loop that was so busy before each; the spacing of the last. */
function after(...shares: readonly number[]): number {
  let nowMs = 0;
  let share = 0;
  const spacing = new Spacing({ nowMs: () => nowMs, busyShare: () => share });
  for (share of shares) {
    nowMs += 100;
    spacing.begin();
  }
  return Math.round(10 * spacing.waitMs) / 10; // it has begun just now
}
const times = (count: number, share: number): number[] => new Array<number>(count).fill(share);

test('a commit that comes alone waits for none before it', () => {
  assert.equal(new Spacing({ nowMs: () => 5, busyShare: () => 1 }).waitMs, Number.NEGATIVE_INFINITY);
});

test('commits are 2 ms apart while the event loop has time, 24 ms when it has none, and in between in between', () => {
  assert.deepEqual([after(...times(20, 0.84)), after(...times(20, 0.9)), after(...times(20, 0.99))], [2, 13, 24]);
});

test('one busy look among calm ones changes nothing; a load that comes at once is answered by the second look', () => {
  assert.equal(after(...times(5, 0.6), 1, 0.6), 2);
  assert.equal(after(...times(5, 0.6), 1, 1), 13);
  assert.ok(after(...times(5, 0.6), 1, 1, 1, 1) > 20);
});

test('when the load has gone commits come closer again', () => {
  assert.equal(after(...times(20, 1), ...times(20, 0.5)), 2);
});

test('between looks the spacing stays, and time goes by', () => {
  let nowMs = 0;
  const spacing = new Spacing({ nowMs: () => nowMs, busyShare: () => 1 });
  nowMs = 50;
  spacing.begin();
  nowMs = 51;
  assert.deepEqual([spacing.waitMs, spacing.sinceMs], [1, 1]);
});
