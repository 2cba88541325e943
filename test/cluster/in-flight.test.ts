// What another node has not answered is known until it does, or until too much is.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { InFlight, inFlightMax } from '../../src/cluster/in-flight.ts';
import type { ChatCommand } from '../../src/core/chat.ts';
import { refused, type ToDevice } from '../../src/protocol/codec.ts';
import { idFrom } from '../../src/structures/ids.ts';

const chatId = idFrom<'chat'>('g', randomBytes(15));
const from = { node: 'here', userId: idFrom<'user'>('u', randomBytes(15)), deviceId: idFrom<'device'>('d', randomBytes(15)) };
const { deviceId } = from;

function post(number: number, bytes = 1): ChatCommand {
  return { kind: 'post', from, number, after: number - 1, contentType: 'text/plain', body: new Uint8Array(bytes), peer: null };
}
const sent = (number: number): ToDevice => ({ kind: 'sent', number, chatId, seq: 1, atMs: 0 });

test('what a node that is gone has not answered is taken, once, in the order in which it was passed', () => {
  const inFlight = new InFlight();
  for (const number of [1, 2, 3, 4]) inFlight.pass({ node: number === 3 ? 'other' : 'gone', chatId, command: post(number) });
  assert(inFlight.answered(deviceId, sent(2)));
  const isGone = (node: string): boolean => node === 'gone';
  assert.deepEqual(
    inFlight.take(isGone).map(({ command }) => 'number' in command && command.number),
    [1, 4],
  );
  assert.deepEqual(inFlight.take(isGone), []);
  assert.equal(inFlight.size, 1);
});

test('a refusal is an answer; nothing is kept but sends', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  inFlight.pass({ node: 'gone', chatId, command: { kind: 'pull', from, request: 7, after: 0, upTo: 0, limit: 10 } });
  inFlight.pass({ node: 'gone', chatId, command: { kind: 'typing', from, on: true } });
  inFlight.pass({ node: 'gone', chatId, command: { kind: 'mark', from, delivered: 1, read: 1 } });
  assert.equal(inFlight.size, 1);
  assert(inFlight.answered(deviceId, refused(1, 'busy', {})));
  assert(inFlight.answered(deviceId, { kind: 'entries', request: 7, chatId, from: 1, through: 0, head: 0, entries: [] }));
  assert.equal(inFlight.size, 0);
});

test('of two nodes that have served one command the first one answers', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  for (const { command } of inFlight.take(() => true)) inFlight.passAgain({ node: 'new', chatId, command });
  assert(inFlight.answered(deviceId, sent(1)));
  assert(!inFlight.answered(deviceId, sent(1)), 'the former owner was alive after all');
  inFlight.pass({ node: 'new', chatId, command: post(1) }); // the device sends it again
  assert(inFlight.answered(deviceId, sent(1)));
  inFlight.keep(post(1)); // and again, when this node owns the chat itself
  assert(inFlight.answered(deviceId, sent(1)));
});

test('what was passed again is not passed a third time unless the device has asked again', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  for (const { command } of inFlight.take(() => true)) inFlight.passAgain({ node: 'gone too', chatId, command });
  assert.deepEqual(
    inFlight.take(() => true),
    [],
  );
  inFlight.pass({ node: 'gone too', chatId, command: post(1) });
  assert.equal(inFlight.take(() => true).length, 1);
});

test('a device that asked again meanwhile gets as many answers as it asked, and no more', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  for (const { command } of inFlight.take(() => true)) inFlight.passAgain({ node: 'here', chatId, command });
  assert(inFlight.answered(deviceId, sent(1)));
  inFlight.keep(post(1));
  assert(inFlight.answered(deviceId, sent(1)));
  assert(!inFlight.answered(deviceId, sent(1)), 'of the node that stood still');
});

test('a refusal is not believed until the device has asked again: what one node refused another may have stored', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  for (const { command } of inFlight.take(() => true)) inFlight.passAgain({ node: 'new', chatId, command });
  assert(!inFlight.answered(deviceId, refused(1, 'notAMember', {})));
  inFlight.pass({ node: 'new', chatId, command: post(1) });
  assert(inFlight.answered(deviceId, refused(1, 'notAMember', {})));
});

test('the oldest are forgotten when they are too many, or too large', () => {
  const many = new InFlight();
  for (let number = 1; number <= inFlightMax.commands + 5; number += 1) many.pass({ node: 'gone', chatId, command: post(number) });
  assert.equal(many.size, inFlightMax.commands);
  assert.deepEqual(many.take(() => true)[0]?.command, post(6));
  const large = new InFlight();
  for (let number = 1; number <= 300; number += 1) large.pass({ node: 'gone', chatId, command: post(number, 64 * 1024) });
  assert(large.size < 300 && large.size > 200);
});

test('what moves on with its chat counts as passed, and not as one more question of its device', () => {
  const inFlight = new InFlight();
  inFlight.pass({ node: 'gone', chatId, command: post(1) });
  for (const { command } of inFlight.take(() => true)) inFlight.passAgain({ node: 'here', chatId, command });
  const asked = post(1); // by the device, once more
  inFlight.keep(asked);
  inFlight.moves({ node: 'gone too', chatId, command: asked });
  assert.equal(inFlight.take((node) => node === 'gone too').length, 1);
  assert(inFlight.answered(deviceId, sent(1)));
  assert(inFlight.answered(deviceId, sent(1)));
  assert(!inFlight.answered(deviceId, sent(1)), 'it has asked twice');
});
