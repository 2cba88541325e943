// The rate limits of one process keep the contract, and their memory bounded.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { memoryRateLimits } from '../../src/store/rate-limits.memory.ts';
import { rateLimitsContract } from './rate-limits.contract.ts';

function at(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_800_000_000_000 });
  return (ms) => t.mock.timers.tick(ms);
}

rateLimitsContract('memory', (t) => ({ pass: at(t), limits: memoryRateLimits() }));

const rule = { name: 'rule', points: 2, perMs: 1_000 };

test('beyond the bound on keys, new ones share counters, and known ones keep their own', async (t) => {
  const pass = at(t);
  const limits = memoryRateLimits({ keysMax: 3, sharedMax: 1 });
  for (const key of ['a', 'b', 'c']) assert.equal(await limits.take(rule, key), 0);
  assert.equal(await limits.take(rule, 'd'), 0);
  assert.equal(await limits.take(rule, 'e'), 0);
  assert.notEqual(await limits.take(rule, 'f'), 0, 'd, e and f are one counter');
  assert.equal(await limits.take(rule, 'a'), 0, 'a is counted by itself');
  assert.notEqual(await limits.take(rule, 'a'), 0);
  pass(2_000);
  for (const key of ['d', 'e', 'f']) for (let times = 0; times < 2; times += 1) assert.equal(await limits.take(rule, key), 0, 'the next window counts each by itself again');
});

test('a point taken from a shared counter goes back to it', async (t) => {
  at(t);
  const limits = memoryRateLimits({ keysMax: 1, sharedMax: 1 });
  await limits.take(rule, 'a');
  for (const key of ['b', 'c']) await limits.take(rule, key);
  await limits.giveBack(rule, 'b');
  assert.equal(await limits.take(rule, 'd'), 0);
  assert.notEqual(await limits.take(rule, 'e'), 0);
});
