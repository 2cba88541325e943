// How the highest rate that holds is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { highestRate } from '../../bench/search.ts';

const limits = { startRate: 100, rateMax: 1_000_000, ratioMin: 1.06, budgetMs: 1_000 };

test('the search ends just below the rate at which things break', async () => {
  for (const breaksAt of [101, 777, 5_000, 123_456]) {
    const { held, failed } = await highestRate(
      async (rate) => rate < breaksAt,
      limits,
      () => 0,
    );
    assert.ok(held < breaksAt && held > breaksAt / 1.07, `${held} for ${breaksAt}`);
    assert.ok(failed !== undefined && failed >= breaksAt);
  }
});

test('after a failure the majority of three tries counts', async () => {
  for (const [outcomes, expected] of [
    [[false, true, true], true],
    [[false, true, false], false],
    [[false, false, true], false],
  ] as const) {
    let at = 0;
    const found = await highestRate(
      async (rate) => rate < 200 && (outcomes[at++] ?? false),
      limits,
      () => 0,
    );
    assert.equal(found.held >= 100, expected, String(outcomes));
  }
});

test('a server that holds not even the first rate is tried at lower ones', async () => {
  const { held } = await highestRate(
    async (rate) => rate <= 10,
    limits,
    () => 0,
  );
  assert.ok(held > 9 && held <= 10, String(held));
});

test('the search is bounded: by the time it may take, and by the highest rate', async () => {
  let nowMs = 0;
  const slow = await highestRate(
    async () => (nowMs += 400) > 0,
    limits,
    () => nowMs,
  );
  assert.deepEqual(slow, { held: 400, failed: undefined, tries: 3 });
  const endless = await highestRate(
    async () => true,
    limits,
    () => 0,
  );
  assert.deepEqual(endless, { held: 819_200, failed: undefined, tries: 14 });
  const dead = await highestRate(
    async () => false,
    limits,
    () => 0,
  );
  assert.equal(dead.held, 0);
});
