// A checker is worth what it catches: every planted bug is found by the seeds that `npm test` runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
