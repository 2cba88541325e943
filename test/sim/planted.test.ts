// A checker is worth what it catches: every planted bug is found by the seeds that `npm test` runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChatSteps, refusedComesAgain } from './planting.ts';
import { plants } from './plants.ts';
import { clusterPlants } from './plants-cluster.ts';
import { simulate } from './simulate.ts';

const seedsOfAll = Array.from({ length: 200 }, (_, at) => at + 1);

for (const { name, foundBy, plant, likely } of [...plants, ...clusterPlants]) {
  test(`the simulator finds it when ${name}`, async () => {
    const found = new Set<string>();
    for (const seed of [likely, ...seedsOfAll]) {
      const { complaints } = await simulate({ seed, plant: plant() });
      for (const { checker } of complaints) found.add(checker);
      if (foundBy.some((checker) => found.has(checker))) return;
    }
    assert.fail(`no seed has brought a complaint of ${foundBy.join(' or ')}; there were ${[...found].join(', ') || 'none'}`);
  });
}

test('what somebody was told is refused, and comes again after they were let in again, is stored nowhere', async () => {
  let passed = 0;
  const counting = inChatSteps((step) => (state, command, nowMs) => {
    const next = step(state, command, nowMs);
    for (const effect of next.effects) if (effect.kind === 'refused' && effect.why === 'numberPassed' && effect.highest !== undefined) passed += 1;
    return next;
  });
  const { complaints } = await simulate({
    seed: plants.find(({ name }) => name.startsWith('what somebody wrote before'))?.likely ?? 1,
    plant: { ...counting, ...refusedComesAgain() },
  });
  assert.deepEqual(complaints, []);
  assert.ok(passed > 0, 'no copy came too late');
});
