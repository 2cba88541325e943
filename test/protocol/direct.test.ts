// What the id of a direct chat promises.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { directChatId } from '../../src/protocol/direct.ts';
import { idFrom, isDirect, isId } from '../../src/structures/ids.ts';

const ann = idFrom<'user'>('u', new Uint8Array(15).fill(1));
const bob = idFrom<'user'>('u', new Uint8Array(15).fill(2));
const eve = idFrom<'user'>('u', new Uint8Array(15).fill(3));

test('a direct chat has the same id for both of its users, and another for every other pair', () => {
  assert.equal(directChatId(ann, bob), directChatId(bob, ann));
  assert.notEqual(directChatId(ann, bob), directChatId(ann, eve));
  assert.ok(isId('chat', directChatId(ann, bob)));
  assert.ok(isDirect(directChatId(ann, bob)));
});

test('any language computes it: p and the first 20 letters of base64url of SHA-256 over the sorted ids with a NUL between', () => {
  const [first, second] = [ann, bob].sort();
  const expected = createHash('sha256').update(`${first}\0${second}`).digest('base64url').slice(0, 20);
  assert.equal(directChatId(bob, ann), `p${expected}`);
});
