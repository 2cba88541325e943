// What every implementation of RateLimits promises.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RateLimits, RateRule } from '../../src/store/rate-limits.ts';

export interface OpenRateLimits {
  readonly limits: RateLimits;
  readonly pass: (ms: number) => void | Promise<void>;
}

const guesses: RateRule = { name: 'guesses', points: 3, perMs: 10_000 };
const others: RateRule = { name: 'others', points: 1, perMs: 10_000 };

export function rateLimitsContract(name: string, open: (t: TestContext) => OpenRateLimits | Promise<OpenRateLimits>): void {
  test(`${name}: as many pass as there are points, and the next is told when to come again`, async (t) => {
    const { limits, pass } = await open(t);
    for (let at = 0; at < 3; at += 1) assert.equal(await limits.take(guesses, 'ann'), 0);
    await pass(4_000);
    const waitMs = await limits.take(guesses, 'ann');
    assert.ok(waitMs > 5_000 && waitMs <= 6_000, `told to wait ${waitMs} ms of the 6,000 that are left`);
  });

  test(`${name}: whoever comes again when told passes`, async (t) => {
    const { limits, pass } = await open(t);
    for (let at = 0; at < 3; at += 1) await limits.take(guesses, 'ann');
    await pass(await limits.take(guesses, 'ann'));
    assert.equal(await limits.take(guesses, 'ann'), 0);
  });

  test(`${name}: keys and rules do not count for each other`, async (t) => {
    const { limits } = await open(t);
    for (let at = 0; at < 4; at += 1) await limits.take(guesses, 'ann');
    assert.equal(await limits.take(guesses, 'bob'), 0);
    assert.equal(await limits.take(others, 'ann'), 0);
    assert.notEqual(await limits.take(others, 'ann'), 0);
  });

  test(`${name}: of many at once exactly as many pass as there are points`, async (t) => {
    const { limits } = await open(t);
    const answers = await Promise.all(Array.from({ length: 20 }, () => limits.take(guesses, 'ann')));
    assert.equal(answers.filter((waitMs) => waitMs === 0).length, 3);
  });

  test(`${name}: a point given back can be taken again`, async (t) => {
    const { limits } = await open(t);
    for (let at = 0; at < 3; at += 1) await limits.take(guesses, 'ann');
    await limits.giveBack(guesses, 'ann');
    assert.equal(await limits.take(guesses, 'ann'), 0);
    assert.notEqual(await limits.take(guesses, 'ann'), 0);
  });

  test(`${name}: what is refused is not counted: a point given back is there for the next, however many were refused`, async (t) => {
    const { limits } = await open(t);
    for (let at = 0; at < 9; at += 1) await limits.take(guesses, 'ann');
    await limits.giveBack(guesses, 'ann');
    assert.equal(await limits.take(guesses, 'ann'), 0);
    assert.notEqual(await limits.take(guesses, 'ann'), 0);
  });

  test(`${name}: giving back what was never taken, or taken in a former window, earns nothing`, async (t) => {
    const { limits, pass } = await open(t);
    await limits.giveBack(guesses, 'ann');
    await limits.take(guesses, 'bob');
    await pass(10_001);
    await limits.giveBack(guesses, 'bob');
    for (const key of ['ann', 'bob']) {
      for (let at = 0; at < 3; at += 1) assert.equal(await limits.take(guesses, key), 0);
      assert.notEqual(await limits.take(guesses, key), 0);
    }
  });
}
