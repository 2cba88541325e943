// A join that an audience crashes on is not lost: its session says it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audienceActor } from '../../src/actors/audience.ts';
import type { Clock } from '../../src/structures/clock.ts';
import { ann, room } from '../store/samples.ts';

function rig() {
  const told: unknown[] = [];
  const jobs: (() => void)[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    after(_delayMs, job) {
      jobs.push(job);
      return { cancel: () => undefined };
    },
    soon: (job) => void jobs.push(job),
  };
  const tell = (kind: string, id: string, command: unknown): boolean => told.push([kind, id, command]) > 0;
  const nothing = (): never => assert.fail('not in this test');
  const actor = audienceActor({
    clock,
    entities: { tell, tellIfAwake: tell },
    router: new Proxy({}, { get: nothing }) as never,
    connections: { send: nothing, subscribe: nothing, unsubscribe: () => undefined, publish: nothing, close: nothing },
  });
  return { actor, told, pass: () => jobs.splice(0).forEach((job) => void job()) };
}

const join = { kind: 'join', userId: ann, deviceId: 'd' as never, connection: 1 } as const;
const rejoined = ['session', ann, { kind: 'rejoin', chatId: room }];

test('one that was given back because the audience crashed on it', () => {
  const { actor, told, pass } = rig();
  actor.giveBack(join, 'internal', room);
  pass();
  assert.deepEqual(told, [rejoined]);
});

test('one that was decided, and of which nothing was done before the crash', async () => {
  const { actor, told } = rig();
  const { state } = await actor.load(room);
  actor.step(state, join, 0);
  await actor.load(room);
  assert.deepEqual(told, [rejoined]);
});

test('an audience that has ended asks nobody back', async () => {
  const { actor, told } = rig();
  const { state, context } = await actor.load(room);
  actor.step(state, join, 0);
  await actor.passivate?.(state, { id: room, uid: 1, context, after: () => undefined });
  await actor.load(room);
  assert.deepEqual(told, []);
});
