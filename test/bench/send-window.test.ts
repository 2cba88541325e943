// Send numbers and the window of open sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterAt, dueMsAt, isBodyHead, senderAt } from '../../bench/generator/body.ts';
import { SendWindow } from '../../bench/generator/send-window.ts';
import { decodeFromDevice, encodeFrame } from '../../src/protocol/codec.ts';
import type { Send } from '../../src/protocol/messages.ts';
import { idFrom } from '../../src/structures/ids.ts';

const chatId = idFrom<'chat'>('p', Buffer.alloc(15, 1));
const peer = idFrom<'user'>('u', Buffer.alloc(15, 2));
const firstNumber = 1_800_000_000_000 * 1_024;

/** A window whose frames are decoded as the server would, and what it told. */
function windowOf(bodyBytes = 100) {
  const sends: Send[] = [];
  const told = { blocked: 0, accepted: 0, refused: [] as string[], broken: [] as string[] };
  let number = firstNumber;
  const link = {
    nextNumber: () => (number += 1),
    write(frame: Uint8Array): void {
      const header = 6 + (bodyBytes + 100 < 126 ? 0 : bodyBytes + 100 < 65_536 ? 2 : 8);
      sends.push(decodeFromDevice(frame.subarray(header)) as Send);
    },
  };
  const window = new SendWindow(
    link,
    { chatId, peer, sender: 7, bodyBytes },
    {
      blocked: () => (told.blocked += 1),
      accepted: () => (told.accepted += 1),
      refused: (why) => told.refused.push(why),
      broken: (why) => told.broken.push(why),
    },
  );
  const answer = (of: Send, seq = 1): boolean => {
    const sent = encodeFrame({ kind: 'sent', number: of.number, chatId, seq, atMs: 1_800_000_000_000 });
    return window.sent(new DataView(sent.buffer, sent.byteOffset, sent.byteLength), 0);
  };
  return { window, sends, told, answer };
}

test('a frame says what the protocol wants: rising numbers, each naming the one before, and the head of a measured body', () => {
  for (const bodyBytes of [20, 100, 300, 60_000]) {
    const { window, sends } = windowOf(bodyBytes);
    for (const dueMs of [10.5, 11.25, 12]) window.send(dueMs);
    for (const [at, send] of sends.entries()) {
      assert.equal(send.kind, 'send');
      assert.equal(send.chatId, chatId);
      assert.equal(send.peer, peer);
      assert.equal(send.number, firstNumber + 1 + at);
      assert.equal(send.after, at === 0 ? 0 : firstNumber + at);
      assert.equal(send.body.byteLength, bodyBytes);
      const view = new DataView(send.body.buffer, send.body.byteOffset, send.body.byteLength);
      assert.ok(isBodyHead(view, 0));
      assert.deepEqual([senderAt(view, 0), counterAt(view, 0), dueMsAt(view, 0)], [7, at, [10.5, 11.25, 12][at]]);
    }
    assert.equal(sends.length, 3);
  }
});

test('at most 16 sends are open; the others wait, and keep the time at which they were due', () => {
  const { window, sends, told, answer } = windowOf();
  for (let at = 0; at < 40; at += 1) window.send(at);
  assert.equal(sends.length, 16);
  assert.equal(told.blocked, 24);
  for (let at = 0; at < 40; at += 1) assert.ok(answer(sends[at] as Send));
  assert.equal(sends.length, 40);
  assert.equal(told.accepted, 40);
  assert.deepEqual(
    sends.map(({ body }) => dueMsAt(new DataView(body.buffer, body.byteOffset, body.byteLength), 0)),
    Array.from({ length: 40 }, (_, at) => at),
  );
});

test('a window that was refused for now sends again in order, under the same numbers, once all are answered', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { window, sends, told, answer } = windowOf();
  for (let at = 0; at < 4; at += 1) window.send(at);
  answer(sends[0] as Send);
  window.refused((sends[1] as Send).number, 'busy');
  window.refused((sends[2] as Send).number, 'outOfOrder');
  window.send(4); // falls due meanwhile
  t.mock.timers.tick(1_000);
  assert.equal(sends.length, 4, 'one is not answered yet');
  window.refused((sends[3] as Send).number, 'outOfOrder');
  t.mock.timers.tick(1_000);
  const again = sends.slice(4);
  assert.deepEqual(
    again.slice(0, 3).map(({ number, after }) => [number - firstNumber, after - firstNumber]),
    [
      [2, 1],
      [3, 2],
      [4, 3],
    ],
  );
  assert.equal(again.length, 4, 'and then the one that fell due meanwhile');
  for (const send of again) answer(send);
  assert.equal(told.accepted, 5);
  assert.deepEqual(told.refused, ['busy', 'outOfOrder', 'outOfOrder']);
  assert.deepEqual(told.broken, []);
});

test('a refusal for good, and an answer out of turn, end the run', () => {
  const refused = windowOf();
  refused.window.send(0);
  refused.window.refused((refused.sends[0] as Send).number, 'notAMember');
  assert.deepEqual(refused.told.broken, ['refused: notAMember']);
  const overtaken = windowOf();
  overtaken.window.send(0);
  overtaken.window.send(1);
  overtaken.answer(overtaken.sends[1] as Send);
  assert.equal(overtaken.told.broken.length, 1);
  assert.equal(overtaken.answer({ ...(overtaken.sends[0] as Send), number: 5 }), false, 'a number of nobody');
});
