// node:assert as the assertions of the storage contract.
import assert from 'node:assert/strict';
import type { Check } from './storage.contract.ts';

export const check: Check = {
  deepEqual: (actual, expected) => assert.deepEqual(plain(actual), plain(expected)),
  rejects: (promise, like) => assert.rejects(promise, like),
};

/** Bytes compare by content, whatever class of them a storage gives back. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}
