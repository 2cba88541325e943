// Who was overloaded is waited for until nothing is left to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../bench/runs/settle.ts';
import type { Usage } from '../../bench/targets/usage.ts';

/** What the system says of a process of which each pair of looks, a second apart, finds it this busy. */
function busy(shares: readonly number[]): { readonly looks: () => number; look(): Usage } {
  let looks = 0;
  let cpuSeconds = 0;
  return {
    looks: () => looks,
    look() {
      if (looks % 2 === 1) cpuSeconds += shares[(looks - 1) / 2] ?? 0;
      looks += 1;
      return { atMs: 1_000 * looks, cpuSeconds, waitedSeconds: 0 };
    },
  };
}

test('a process that is busy is looked at until it is not', async () => {
  const { looks, look } = busy([1, 0.5, 0.21, 0.1]);
  await settle(process.pid, look);
  assert.equal(looks(), 8);
});

test('one that is quiet is looked at once, and one of which the system says nothing', async () => {
  const quiet = busy([0.1]);
  await settle(process.pid, quiet.look);
  assert.equal(quiet.looks(), 2);
  await settle(process.pid, () => ({ atMs: performance.now(), cpuSeconds: null, waitedSeconds: null }));
});

test('what cannot be looked at is not', async () => {
  const { looks, look } = busy([1]);
  await settle(undefined, look);
  assert.equal(looks(), 0);
});
