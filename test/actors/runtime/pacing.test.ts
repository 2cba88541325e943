// Rests between turns: none while there is time, then so that turns are two milliseconds apart, and never for who is late already.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacing } from '../../../src/actors/runtime/pacing.ts';

/** A loop that is so busy as is said, whose turns take `workMs` each; `rests`: how long it slept after each. */
function turns(count: number, workMs: number, share: () => number): readonly number[] {
  let nowMs = 0;
  let restedMs = 0;
  const pacing = new Pacing({
    nowMs: () => nowMs,
    rest(ms) {
      restedMs = ms;
      nowMs += ms;
    },
    busyShare: () => share,
  });
  const rests: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    nowMs += workMs;
    restedMs = 0;
    pacing.turnOver();
    rests.push(restedMs);
  }
  return rests;
}
const last = (rests: readonly number[]): number => Math.round(100 * (rests.at(-1) as number)) / 100;

test('a loop that has time is not paced', () => {
  assert.deepEqual(new Set(turns(5_000, 0.5, () => 0.7)), new Set([0]));
});

test('the busier the loop, the longer the rests, up to two milliseconds from turn to turn', () => {
  assert.deepEqual([last(turns(5_000, 0.25, () => 0.8)), last(turns(5_000, 0.25, () => 0.9)), last(turns(5_000, 0.25, () => 1))], [0.75, 1.75, 1.75]);
});

test('a turn that took long is followed by the next one at once', () => {
  assert.equal(last(turns(2_000, 2.5, () => 1)), 0);
});

test('a rest that would be shorter than the system can sleep is none', () => {
  assert.equal(last(turns(2_000, 1.95, () => 1)), 0);
});

test('one busy look does not pace at once, and when the load has gone the rests end', () => {
  let share = 1;
  const rests = turns(3_000, 0.5, () => {
    const now = share;
    share = 0.2;
    return now;
  });
  assert.ok(Math.max(...rests) <= 0.5, `rested ${Math.max(...rests)} ms after one look`);
  assert.equal(last(rests), 0);
});
