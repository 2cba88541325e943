// Whole worlds of users, devices, faults and a server, each decided by one seed: every promise holds in every one of them. A failing seed is shown again with `node test/sim/run.ts --seed N --trace`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loneWorlds, type Seeded } from './seeds.ts';
import { testWorlds } from './well.ts';
import { World } from './world.ts';

testWorlds(loneWorlds, (nodes) => nodes === 1);

for (const [what, nodes] of [
  ['world', 1],
  ['cluster', 3],
] as const) {
  test(`the same seed makes the same ${what}, frame by frame`, async () => {
    const [one, other] = [await framesOf({ seed: 17, nodes }), await framesOf({ seed: 17, nodes })];
    assert.ok(one.length > 1_000);
    assert.deepEqual(one, other);
    assert.notDeepEqual(await framesOf({ seed: 18, nodes }), one);
  });
}

async function framesOf({ seed, nodes }: Seeded): Promise<string[]> {
  const lines: string[] = [];
  const world = new World({ seed, nodes, messages: 100, durationMs: 60_000, trace: (line) => lines.push(line) });
  await world.run();
  await world.end();
  return lines;
}
