// A device under load: what it counts, acknowledges and pulls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBodyHead } from '../../bench/generator/body.ts';
import { Member } from '../../bench/generator/member.ts';
import { PushedFrames } from '../../bench/generator/pushed-frames.ts';
import { FramingBroken } from '../../bench/generator/wire.ts';
import { decodeFromDevice, encodeEntryFrame, encodePushed, type FromDevice, type ToDevice } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { idFrom } from '../../src/structures/ids.ts';

const chatId = idFrom<'chat'>('g', Buffer.alloc(15, 1));
const author = idFrom<'user'>('u', Buffer.alloc(15, 2));
const device = idFrom<'device'>('d', Buffer.alloc(15, 3));
const own = idFrom<'device'>('d', Buffer.alloc(15, 4));
const bodyBytes = 100;

function entryOf(seq: number, sender: number, counter: number): Entry {
  const body = Buffer.alloc(bodyBytes);
  writeBodyHead(body, 0, sender, counter, 1_234.5);
  return { chatId, seq, entryKind: 1, author, device, number: 1_800_000_000_000 * 1_024, countable: seq, atMs: 1_800_000_000_000, contentType: 'application/octet-stream', body };
}

/** A member of a chat whose members are 10, 11 and 12. */
function memberOf(index = 11, pushedFrames = new PushedFrames(bodyBytes)) {
  const told: unknown[] = [];
  const written: FromDevice[] = [];
  const pulls: { readonly frame: FromDevice; readonly answer: (frame: ToDevice) => void }[] = [];
  const tally = {
    pushed: (flow: number, counter: number, dueMs: number) => told.push(['pushed', flow, counter, dueMs]),
    pulled: (flow: number, counter: number) => told.push(['pulled', flow, counter]),
    blocked: () => told.push('blocked'),
    accepted: () => told.push('accepted'),
    refused: (why: string) => told.push(why),
    broken: (why: string) => told.push(['broken', why]),
  };
  const link = {
    account: { deviceId: own },
    nextNumber: () => 1,
    nextRequest: () => 1,
    write: (frame: Uint8Array) => written.push(decodeFromDevice(frame.subarray(6)) as FromDevice),
    ask: (frame: FromDevice) => new Promise<ToDevice>((answer) => pulls.push({ frame, answer })),
  };
  const member = new Member(link, { chatId, peer: undefined, index, firstOfChat: 10, chatMembers: 3, flowBase: 30, baseSeq: 2 }, bodyBytes, tally, pushedFrames);
  const push = (entry: Entry): boolean => {
    const bytes = Buffer.from(encodeEntryFrame(entry));
    return member.entry(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
  };
  const pushTogether = (entries: readonly Entry[]): boolean => {
    const bytes = Buffer.concat([Buffer.alloc(3), encodePushed(entries.map(encodeEntryFrame)), Buffer.alloc(5)]); // somewhere in what a read brought
    return member.pushed(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 3, bytes.byteLength - 5);
  };
  return { member, told, written, pulls, push, pushTogether };
}

test('entries pushed together are judged one by one, of whatever lengths, but for our own among them', () => {
  const { told, pushTogether } = memberOf();
  const plain = { ...entryOf(5, 12, 1), body: Buffer.alloc(300), contentType: 'a'.repeat(40) }; // no measured message
  assert.equal(pushTogether([entryOf(3, 10, 0), entryOf(4, 11, 0), plain, entryOf(70_000, 12, 0)]), true);
  assert.deepEqual(told, [
    ['pushed', 30, 0, 1_234.5],
    ['pushed', 32, 0, 1_234.5],
  ]);
  assert.equal(pushTogether(Array.from({ length: 20 }, (_, at) => entryOf(70_001 + at, 10, 1 + at))), true);
  assert.equal(told.length, 22);
});

test('members who get the same bytes read them once, and are judged each by itself', () => {
  const shared = new PushedFrames(bodyBytes);
  const [one, other] = [memberOf(11, shared), memberOf(12, shared)];
  const together = [entryOf(3, 10, 0), entryOf(4, 11, 0), entryOf(5, 12, 0)];
  for (const { pushTogether } of [one, other]) assert.equal(pushTogether(together), true);
  assert.deepEqual(one.told, [
    ['pushed', 30, 0, 1_234.5],
    ['pushed', 32, 0, 1_234.5],
  ]);
  assert.deepEqual(other.told, [
    ['pushed', 30, 0, 1_234.5],
    ['pushed', 31, 0, 1_234.5],
  ]);
});

test('a frame of the same length, or of the same beginning, is not taken for the last one', () => {
  const { told, pushTogether } = memberOf();
  pushTogether([entryOf(3, 10, 0), entryOf(4, 12, 0)]);
  pushTogether([entryOf(5, 10, 1), entryOf(6, 12, 1)]);
  pushTogether([entryOf(5, 10, 1), entryOf(6, 12, 1), entryOf(7, 12, 2)]);
  pushTogether([entryOf(5, 10, 1)]);
  assert.deepEqual(
    told.map((one) => (one as unknown[]).slice(1, 3)),
    [
      [30, 0],
      [32, 0],
      [30, 1],
      [32, 1],
      [30, 1],
      [32, 1],
      [32, 2],
      [30, 1],
    ],
  );
});

test('a frame with something else in it is read anew by each, and the next whole one too', () => {
  const { told, pushTogether } = memberOf();
  const plain = { ...entryOf(4, 12, 1), entryKind: 3 };
  const whole = [entryOf(3, 10, 0), entryOf(5, 10, 1)];
  for (const entries of [whole, [entryOf(3, 10, 0), plain], [entryOf(3, 10, 0), plain], whole]) assert.equal(pushTogether(entries), true);
  assert.deepEqual(
    told.map((one) => (one as unknown[])[2]),
    [0, 1, 0, 0, 0, 1],
  );
});

test('our own pushed by itself is counted, for a server that says it to its author must not look well', () => {
  const { told, push } = memberOf();
  assert.equal(push(entryOf(3, 11, 0)), true);
  assert.deepEqual(told, [['pushed', 31, 0, 1_234.5]]);
});

test('entries pushed together that are cut off end the connection', () => {
  const { member } = memberOf();
  const bytes = Buffer.from(encodePushed([entryOf(3, 10, 0), entryOf(4, 10, 1)].map(encodeEntryFrame)));
  assert.throws(() => member.pushed(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength - 1), FramingBroken);
});

test('an entry is judged alike whether it is read at fixed places or decoded, however long its seq is on the wire', () => {
  for (const seq of [3, 127, 128, 255, 256, 65_535, 65_536, 4_000_000_000]) {
    const [fast, slow] = [memberOf(), memberOf()];
    assert.ok(fast.push(entryOf(seq, 12, 9)));
    slow.member.other({ kind: 'entry', ...entryOf(seq, 12, 9) });
    assert.deepEqual(fast.told, [['pushed', 32, 9, 1_234.5]]);
    assert.deepEqual(slow.told, fast.told);
  }
});

test('what is no measured message is left to be decoded, and counts for nothing', () => {
  const { member, push, told } = memberOf();
  assert.equal(push({ ...entryOf(3, 12, 0), entryKind: 3 }), false);
  assert.equal(push({ ...entryOf(3, 12, 0), body: Buffer.alloc(bodyBytes, 'x') }), false);
  member.other({ kind: 'entry', ...entryOf(3, 12, 0), entryKind: 3 });
  assert.deepEqual(told, []);
});

test('an entry of a sender who is not in the chat ends the run', () => {
  const { push, told } = memberOf();
  push(entryOf(3, 13, 0));
  assert.deepEqual(told, [['broken', 'an entry of another chat was delivered']]);
});

test('the watermark is told once it has moved, and not again', () => {
  const { member, push, written } = memberOf();
  member.acknowledge();
  push(entryOf(3, 10, 0));
  push(entryOf(4, 12, 0));
  member.acknowledge();
  member.acknowledge();
  const delivered = { kind: 'delivered', chatId, seq: 4 };
  assert.deepEqual(written, [{ kind: 'delivered', chatId, seq: 2 }, delivered]);
});

test('a device that lagged pulls from the last seq before the gap, and pushes of what it pulled count once', async () => {
  const { member, push, told, pulls } = memberOf();
  push(entryOf(3, 10, 0));
  push(entryOf(6, 10, 3)); // 4 and 5 were left out
  member.other({ kind: 'lagging' });
  assert.deepEqual(pulls[0]?.frame, { kind: 'pull', request: 1, chatId, after: 3, upTo: 6, limit: 1_000 });
  const entries = [entryOf(4, 10, 1), entryOf(5, 10, 2), entryOf(6, 10, 3), { ...entryOf(7, 11, 0), device: own }, entryOf(8, 10, 4)];
  pulls[0]?.answer({ kind: 'entries', request: 1, chatId, from: 4, through: 8, head: 8, entries });
  await new Promise((resolve) => setImmediate(resolve));
  push(entryOf(8, 10, 4)); // was under way
  push(entryOf(9, 10, 5));
  assert.deepEqual(told.slice(2), [
    ['pulled', 30, 1],
    ['pulled', 30, 2],
    ['pulled', 30, 3],
    ['pulled', 30, 4],
    ['pushed', 30, 5, 1_234.5],
  ]);
  assert.equal(pulls.length, 1);
});
