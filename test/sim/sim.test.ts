// Whole worlds of users, devices, faults and servers, each decided by one seed: every promise holds in every one of them. A failing seed is shown again with `node test/sim/run.ts --seed N --trace`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onceFailed, seedsOfTests } from './seeds.ts';
import { complaintsIn, simulate } from './simulate.ts';
import { World } from './world.ts';

/** Seeds in one test: enough to keep the report short. */
const blockSize = 10;

for (let at = 0; at < seedsOfTests.length; at += blockSize) {
  const seeds = seedsOfTests.slice(at, at + blockSize);
  test(`every promise is kept in the worlds ${seeds[0]} to ${seeds.at(-1)}`, async () => {
    for (const seed of seeds) await isWell(seed);
  });
}

for (const { seed, bug } of onceFailed.filter((one) => !seedsOfTests.includes(one.seed))) {
  test(`every promise is kept in world ${seed}, where once ${bug}`, () => isWell(seed));
}

test('the same seed makes the same world, frame by frame', async () => {
  const [one, other] = [await framesOf(17), await framesOf(17)];
  assert.ok(one.length > 1_000);
  assert.deepEqual(one, other);
  assert.notDeepEqual(await framesOf(18), one);
});

async function isWell(seed: number): Promise<void> {
  const verdict = await simulate({ seed });
  assert.ok(verdict.complaints.length === 0, complaintsIn(verdict));
}

async function framesOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  const world = new World({ seed, messages: 100, durationMs: 60_000, trace: (line) => lines.push(line) });
  await world.run();
  await world.end();
  return lines;
}
