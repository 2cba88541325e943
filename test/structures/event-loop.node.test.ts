// How busy the event loop is: work counts, rests and waiting do not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeEventLoop } from '../../src/structures/event-loop.node.ts';

function work(ms: number): void {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; );
}

test('a rest stops the thread for so long', () => {
  const sinceMs = performance.now();
  nodeEventLoop.rest(20);
  assert.ok(performance.now() - sinceMs >= 19);
});

test('work is busy, a rest and a wait are not, and each question has its own beginning', async () => {
  await delay(1);
  const whole = nodeEventLoop.busyShare();
  const share = nodeEventLoop.busyShare();
  work(100);
  assert.ok(share() > 0.9);
  nodeEventLoop.rest(100);
  assert.ok(share() < 0.1);
  await delay(100);
  assert.ok(share() < 0.5);
  const all = whole();
  assert.ok(all > 0.2 && all < 0.6, `${all} of a third`);
});
