// Who comes most often is found, whatever else comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeavyHitters } from '../../src/structures/heavy-hitters.ts';

test('among ten thousand that come once, those that come often are on top, and no count is too small', () => {
  const hitters = new HeavyHitters<string>(16);
  for (let round = 0; round < 100; round += 1) {
    for (let one = 0; one < 100; one += 1) hitters.add(`once ${round} ${one}`, 1);
    hitters.add('often', 50);
    hitters.add('less often', 20);
  }
  const [first, second] = hitters.top(2);
  assert.deepEqual([first?.key, second?.key], ['often', 'less often']);
  assert.ok((first?.count ?? 0) >= 5_000 && (second?.count ?? 0) >= 2_000);
});

test('who began late and comes most is on top in the end', () => {
  const hitters = new HeavyHitters<number>(4);
  for (let one = 0; one < 1_000; one += 1) hitters.add(one % 40, 1);
  hitters.add(99, 500);
  assert.equal(hitters.top(1)[0]?.key, 99);
  assert.ok(hitters.top(100).length <= 8);
});
