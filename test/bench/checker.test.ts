// Planted losses, doublings and swaps are found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeliveryChecker } from '../../bench/generator/checker.ts';

function counts({ received, doubled, reordered, healed }: DeliveryChecker): object {
  return { received, doubled, reordered, healed };
}

test('what comes once and in order in every flow is clean', () => {
  const checker = new DeliveryChecker(3);
  for (let counter = 0; counter < 1_000; counter += 1) for (let flow = 0; flow < 3; flow += 1) checker.pushed(flow, counter);
  assert.deepEqual(counts(checker), { received: 3_000, doubled: 0, reordered: 0, healed: 0 });
  assert.equal(checker.lost(3_000), 0);
});

test('a planted loss is found, in the middle and at the end', () => {
  const checker = new DeliveryChecker(2);
  for (const counter of [0, 1, 3, 4]) checker.pushed(0, counter); // 2 is missing
  for (const counter of [0, 1, 2]) checker.pushed(1, counter); // 3 and 4 are missing
  assert.equal(checker.lost(10), 3);
  assert.deepEqual(counts(checker), { received: 7, doubled: 0, reordered: 0, healed: 0 });
});

test('a planted double is found and counts as no delivery', () => {
  const checker = new DeliveryChecker(1);
  for (const counter of [0, 1, 1, 2, 0]) checker.pushed(0, counter);
  assert.deepEqual(counts(checker), { received: 3, doubled: 2, reordered: 0, healed: 0 });
  assert.equal(checker.lost(3), 0);
});

test('planted disorder is found and is neither loss nor double', () => {
  const checker = new DeliveryChecker(1);
  for (const counter of [0, 2, 3, 1, 4]) checker.pushed(0, counter);
  assert.deepEqual(counts(checker), { received: 5, doubled: 0, reordered: 1, healed: 0 });
  assert.equal(checker.lost(5), 0);
  checker.pushed(0, 1);
  assert.equal(checker.doubled, 1, 'the late one a second time');
});

test('a pull fills what was not pushed, and repeats in it are harmless', () => {
  const checker = new DeliveryChecker(1);
  for (const counter of [0, 1, 5]) checker.pushed(0, counter);
  for (const counter of [0, 1, 2, 3, 4, 5, 6]) checker.pulled(0, counter);
  checker.pushed(0, 7);
  assert.deepEqual(counts(checker), { received: 8, doubled: 0, reordered: 0, healed: 4 });
  assert.equal(checker.lost(8), 0);
});
