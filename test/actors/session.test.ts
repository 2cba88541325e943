// What a session's mailbox has no room for is told again, and in no order that would do harm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionActor } from '../../src/actors/session.ts';
import { ann } from '../store/samples.ts';

test('that a device reads too slowly is never told after the end of it, or it would wait for ever: the device is told to look instead', () => {
  const told: unknown[] = [];
  const jobs: (() => void)[] = [];
  const nothing = (): never => assert.fail('not in this test');
  const needs = {
    clock: { nowMs: () => 0, after: (_delayMs: number, job: () => void) => jobs.push(job) },
    entities: { tellIfAwake: (_kind: string, _id: string, command: unknown) => told.push(command) > 0 },
  };
  const actor = sessionActor(new Proxy(needs, { get: (target, name) => Reflect.get(target, name) ?? nothing }) as never);
  actor.giveBack({ kind: 'full', connection: 4 }, 'busy', ann);
  for (const job of jobs) job();
  assert.deepEqual(told, [{ kind: 'drained', connection: 4 }]);
});
