// Questions and their answers find each other, and nobody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FromDevice } from '../../src/protocol/codec.ts';
import { policy } from '../../src/sdk/policy.ts';
import { Requests } from '../../src/sdk/requests.ts';
import { FakeClock } from '../sim/clock.ts';
import { draws } from '../sim/random.ts';

function life(seed: number): { readonly requests: Requests; readonly asked: number[] } {
  const asked: number[] = [];
  const send = (frame: FromDevice): boolean => ('request' in frame ? asked.push(frame.request) > 0 : true);
  return { requests: new Requests(new FakeClock(), draws(seed).next, policy, send), asked };
}

test('an answer that was on its way to a former life of the device is taken for none of this one', () => {
  const [former, present] = [life(1), life(2)];
  for (const { requests } of [former, present]) for (let n = 0; n < 20; n += 1) requests.ask({ kind: 'ping' }).catch(() => undefined);
  for (const request of former.asked) assert.equal(present.requests.answered(request, { kind: 'pong', request, serverTimeMs: 0 }), false);
  for (const request of present.asked) assert.equal(present.requests.answered(request, { kind: 'pong', request, serverTimeMs: 0 }), true);
});
