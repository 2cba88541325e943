// That ids which are read time and again are the same strings, and never another's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { decodeFromDevice, Malformed } from '../../src/protocol/codec.ts';
import { Typing } from '../../src/protocol/presence.ts';
import { type ChatId, idFrom } from '../../src/structures/ids.ts';

function chatOf(raw: Uint8Array): string {
  const frame = decodeFromDevice(raw);
  assert.ok('chatId' in frame && frame.chatId !== null);
  return frame.chatId;
}
/** Most begin with the same letters, so that many share a place among those that are remembered. */
function idOf(n: number): ChatId {
  const bits = new Uint8Array(15);
  new DataView(bits.buffer).setUint32(n % 2 === 0 ? 0 : 11, n);
  return idFrom<'chat'>(n % 3 === 0 ? 'p' : 'g', bits);
}
const raw = (chatId: string): Uint8Array => encode([Typing.type, chatId, true]);

test('twenty thousand ids, many of them alike, each come back as they are, again and again', () => {
  for (let round = 0; round < 2; round += 1) for (let n = 0; n < 20_000; n += 1) assert.equal(chatOf(raw(idOf(n))), idOf(n));
  for (let n = 0; n < 100; n += 1) for (const at of [n, n + 1, n]) assert.equal(chatOf(raw(idOf(at))), idOf(at));
});

test('an id of another kind, or one that is none, is refused behind one that was good', () => {
  const good = idOf(7);
  assert.equal(chatOf(raw(good)), good);
  for (const wrong of [`u${good.slice(1)}`, `${good.slice(0, -1)}!`, good.slice(0, -1), `${good}A`]) assert.throws(() => decodeFromDevice(raw(wrong)), Malformed);
  const long = raw(good);
  const asText8 = Uint8Array.of(...long.subarray(0, 2), 0xd9, 21, ...long.subarray(3)); // the same text in a longer form
  assert.equal(chatOf(asText8), good);
  assert.throws(() => decodeFromDevice(long.subarray(0, 15)), Malformed);
});
