// The bounded map: what goes first, and what may not go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lru } from '../../src/structures/lru.ts';

test('the value that was used least recently goes first', () => {
  const lru = new Lru<string, number>(2);
  lru.set('a', 1);
  lru.set('b', 2);
  lru.get('a');
  lru.set('c', 3);
  assert.deepEqual([lru.peek('a'), lru.peek('b'), lru.peek('c'), lru.size], [1, undefined, 3, 2]);
});

test('peeking does not count as use', () => {
  const lru = new Lru<string, number>(2);
  lru.set('a', 1);
  lru.set('b', 2);
  lru.peek('a');
  lru.set('c', 3);
  assert.equal(lru.peek('a'), undefined);
});

test('a value that may not go stays until it may, and the bound holds again afterwards', () => {
  const held = new Set([1, 2]);
  const lru = new Lru<string, number>(2, (value) => !held.has(value));
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['d', 4],
  ] as const)
    lru.set(key, value);
  assert.deepEqual([lru.peek('a'), lru.peek('b')], [1, 2]);
  held.clear();
  lru.set('e', 5);
  assert.deepEqual([lru.peek('e'), lru.size], [5, 2]);
});

test('deleting and clearing forget', () => {
  const lru = new Lru<string, number>(3);
  lru.set('a', 1);
  lru.set('b', 2);
  lru.delete('a');
  assert.deepEqual([lru.get('a'), lru.size], [undefined, 1]);
  lru.clear();
  assert.equal(lru.size, 0);
});
