// A connection has its time to say hello, whatever the clock does meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/structures/clock.ts';
import { Hellos } from '../../src/transport/hellos.ts';
import type { Socket } from '../../src/transport/server.ts';

function rig(): { hellos: Hellos; ended: string[]; clock: { nowMs: number }; pass(ms: number): void } {
  const clock = { nowMs: 1_000_000 };
  const timers: { atMs: number; job: () => void }[] = [];
  let steadyMs = 0;
  const ended: string[] = [];
  const given: Clock = {
    nowMs: () => clock.nowMs,
    after(delayMs, job) {
      timers.push({ atMs: steadyMs + delayMs, job });
      return { cancel: () => undefined };
    },
    soon: (job) => job(),
  };
  const never = (): never => assert.fail('nobody says hello here');
  const needs = { random: never, admit: never, verifyAccess: never, deviceGood: never, counts: { authFailures: 0 }, onFault: never, attach: never };
  const hellos: Hellos = new Hellos({
    ...needs,
    clock: given,
    helloTimeoutMs: 2_000,
    end(socket, why) {
      hellos.forget(socket);
      ended.push(why);
    },
  });
  const pass = (ms: number): void => {
    const untilMs = steadyMs + ms;
    for (;;) {
      const next = timers.filter(({ atMs }) => atMs <= untilMs).sort((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined) break;
      timers.splice(timers.indexOf(next), 1);
      clock.nowMs += next.atMs - steadyMs;
      steadyMs = next.atMs;
      next.job();
    }
    clock.nowMs += untilMs - steadyMs;
    steadyMs = untilMs;
  };
  return { hellos, ended, clock, pass };
}

const socket = (): Socket => ({}) as Socket;

test('who says nothing is ended, not before the time is up, and not much later', () => {
  const { hellos, ended, pass } = rig();
  hellos.opened(socket());
  pass(900);
  hellos.opened(socket());
  pass(1_950);
  assert.deepEqual(ended, []);
  pass(150);
  assert.equal(ended.length, 2, 'at the first look after it');
  assert.deepEqual(new Set(ended), new Set(['helloTimeout']));
  assert.equal(hellos.count, 0);
});

test('a clock that jumps, forward or back, ends nobody sooner or later', () => {
  for (const jumpMs of [900_000, -900_000]) {
    const { hellos, ended, clock, pass } = rig();
    hellos.opened(socket());
    pass(500);
    clock.nowMs += jumpMs;
    pass(1_400);
    assert.deepEqual(ended, [], `${jumpMs}`);
    pass(1_200);
    assert.deepEqual(ended, ['helloTimeout'], `${jumpMs}`);
  }
});
