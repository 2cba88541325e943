// The rules of the clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/actors/runtime/clock.ts';

test('the clock follows the machine forward at once, and backward only by going at half speed', () => {
  let wallMs = 1_000_000;
  let steadyMs = 50;
  const pass = (ms: number): void => {
    wallMs += ms;
    steadyMs += ms;
  };
  const clock = systemClock(
    () => wallMs,
    () => steadyMs,
  );
  pass(10);
  assert.equal(clock.nowMs(), 1_000_010);
  wallMs += 3_600_000; // the machine slept
  assert.equal(clock.nowMs(), 4_600_010);
  wallMs -= 1_000; // and was set right
  assert.equal(clock.nowMs(), 4_600_010);
  pass(500);
  assert.equal(clock.nowMs(), 4_600_260);
  pass(200);
  assert.equal(clock.nowMs(), 4_600_360);
  pass(1_000); // by now the machine's clock has caught up
  assert.equal(clock.nowMs(), wallMs);
  pass(7);
  assert.equal(clock.nowMs(), wallMs);
});

test('timers run once, and not when cancelled', async () => {
  const clock = systemClock();
  let cancelled = 0;
  clock.after(1, () => (cancelled += 1)).cancel();
  await new Promise<void>((resolve) => clock.after(5, resolve));
  assert.equal(cancelled, 0);
  await new Promise<void>((resolve) => clock.soon(resolve));
});
