// The rules of the timer wheel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimerWheel, WheelTimer } from '../../src/structures/timer-wheel.ts';

const options = { nowMs: 5_000, tickMs: 10, slots: 8 };

test('a timer is handed out never early and at most a tick late, whatever is armed, moved and cancelled beside it', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('arm' as const), timer: fc.nat(9), delayMs: fc.nat(500) }),
    fc.record({ kind: fc.constant('cancel' as const), timer: fc.nat(9) }),
    fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(200) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const wheel = new TimerWheel<number>(options);
      const timers = Array.from({ length: 10 }, (_, job) => new WheelTimer(job));
      const dueMs = new Map<number, number>();
      let { nowMs } = options;
      const advance = (): void => {
        wheel.advance(nowMs, (job) => {
          assert.ok((dueMs.get(job) ?? Infinity) <= nowMs, 'early, or not armed');
          dueMs.delete(job);
        });
        for (const due of dueMs.values()) assert.ok(due + options.tickMs > nowMs, 'late');
        assert.equal(wheel.size, dueMs.size);
        const next = wheel.nextMs();
        assert.equal(next === undefined, dueMs.size === 0);
        if (next !== undefined) assert.ok(next <= Math.min(...dueMs.values()) + options.tickMs);
      };
      for (const one of steps) {
        if (one.kind === 'advance') nowMs += one.ms;
        else if (one.kind === 'cancel') {
          wheel.cancel(timers[one.timer] as WheelTimer<number>);
          dueMs.delete(one.timer);
        } else {
          wheel.arm(timers[one.timer] as WheelTimer<number>, one.delayMs, nowMs);
          dueMs.set(one.timer, Math.max(nowMs + one.delayMs, nowMs + 1));
        }
        if (one.kind === 'advance') advance();
      }
      nowMs += 1_000;
      advance();
      assert.equal(wheel.size, 0);
    }),
  );
});

test('timers are handed out by their time, also when the clock jumps over several rounds', () => {
  const wheel = new TimerWheel<string>(options);
  for (const [job, delayMs] of [
    ['d', 400],
    ['b', 50],
    ['c', 310],
    ['a', 10],
  ] as const)
    wheel.arm(new WheelTimer(job), delayMs, options.nowMs);
  const jobs: string[] = [];
  wheel.advance(options.nowMs + 10_000, (job) => jobs.push(job));
  assert.deepEqual(jobs, ['a', 'b', 'c', 'd']);
});

test('a timer that is cancelled or moved by one of the same tick is not handed out with it', () => {
  const wheel = new TimerWheel<string>(options);
  const [first, second, third] = ['first', 'second', 'third'].map((job) => new WheelTimer(job)) as [WheelTimer<string>, WheelTimer<string>, WheelTimer<string>];
  for (const timer of [first, second, third]) wheel.arm(timer, 20, options.nowMs);
  const jobs: string[] = [];
  const note = (job: string): void => {
    jobs.push(job);
    if (job !== 'first' || jobs.length > 1) return;
    wheel.cancel(second);
    wheel.arm(third, 100, options.nowMs + 20);
  };
  wheel.advance(options.nowMs + 20, note);
  assert.deepEqual(jobs, ['first']);
  wheel.advance(options.nowMs + 130, note);
  assert.deepEqual(jobs, ['first', 'third']);
});
