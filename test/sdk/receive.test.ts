// What a client does with entries: in order, once, none missed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { ann, annBob, annPhone, answerPull, bob, entry, group, push, rigOf, seqs } from './rig.ts';

const log = Array.from({ length: 30 }, (_, at) => entry(at + 1));
const upTo = (seq: number) => log.slice(0, seq);

test('entries are told in order and once, whatever comes twice', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1), entry(2), entry(2), entry(1), entry(3));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
  assert.deepEqual(
    rig.heard('message').map(({ text, mine }) => [text, mine]),
    [
      ['m1', false],
      ['m2', false],
      ['m3', false],
    ],
  );
});

test('entries that come in one frame are taken one by one, those that are known already and its own among them', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1));
  peer.say({ kind: 'pushed', entries: [entry(1), entry(2), entry(3)] });
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
  peer.say({ kind: 'pushed', entries: [entry(4), entry(7)] });
  await rig.clock.settle();
  assert.equal(answerPull(peer, upTo(7)).after, 4);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3, 4, 5, 6, 7]);
});

test('a gap is pulled at once, and what came after it waits', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1), entry(4), entry(5));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1]);
  const pull = answerPull(peer, upTo(5));
  assert.deepEqual([pull.after, pull.upTo], [1, 4]);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3, 4, 5]);
  push(peer, entry(6));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3, 4, 5, 6]);
});

test('a push that fills the gap while the pull is under way is not told twice', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1), entry(3));
  await rig.clock.settle();
  push(peer, entry(2));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
  answerPull(peer, upTo(3));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
  assert.deepEqual(peer.take('pull'), []);
});

test('a pull that was cut is followed by the next, until what was heard of is here', async () => {
  const rig = await rigOf();
  const peer = await rig.connect({ rows: [{ chatId: group, head: 30, read: 0, receiptsVersion: 0 }] });
  for (const after of [0, 12, 24]) {
    assert.equal(answerPull(peer, log, { max: 12 }).after, after);
    await rig.clock.settle();
  }
  assert.deepEqual(seqs(rig.heard('entry')), seqs(log));
  assert.deepEqual(peer.take('pull'), []);
  assert.equal(rig.heard('synced').length, 1);
});

test('seqs at which this user was no member are passed over', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  push(peer, entry(9));
  await rig.clock.settle();
  answerPull(peer, [entry(1), entry(2), entry(8), entry(9)]);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 8, 9]);
  assert.deepEqual(peer.take('pull'), []);
});

test('a head that the server denies is forgotten, and heard of again when it is there', async () => {
  const rig = await rigOf();
  const peer = await rig.connect({ rows: [{ chatId: group, head: 5, read: 0, receiptsVersion: 0 }] });
  answerPull(peer, upTo(3));
  await rig.clock.advance(20_000);
  assert.deepEqual(peer.take('pull'), []);
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
  peer.say({ kind: 'moved', request: 0, rows: [{ chatId: group, head: 4, read: 0, receiptsVersion: 0 }], last: true });
  await rig.clock.settle();
  answerPull(peer, upTo(4));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3, 4]);
});

test('what is heard of while a pull is under way is not denied by its answer', async () => {
  const rig = await rigOf({ policy: { heldPerChatMax: 0 } });
  const peer = await rig.connect({ rows: [{ chatId: group, head: 3, read: 0, receiptsVersion: 0 }] });
  push(peer, entry(4));
  await rig.clock.settle();
  answerPull(peer, upTo(3));
  await rig.clock.settle();
  assert.equal(answerPull(peer, upTo(4)).upTo, 4);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3, 4]);
});

test('a pull that is refused `busy` or not answered is made again, later and later', async () => {
  const rig = await rigOf();
  const peer = await rig.connect({ rows: [{ chatId: group, head: 2, read: 0, receiptsVersion: 0 }] });
  peer.refuse(peer.one('pull').request, 101, { retryAfterMs: 200 });
  await rig.clock.advance(199);
  assert.deepEqual(peer.take('pull'), []);
  await rig.clock.advance(200);
  peer.one('pull'); // not answered
  await rig.clock.advance(14_000);
  assert.deepEqual(peer.take('pull'), []);
  await rig.clock.advance(5_000);
  answerPull(peer, upTo(2));
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2]);
});

test('a chat of which this user learns nothing any more is left alone', async () => {
  const rig = await rigOf();
  const peer = await rig.connect({ rows: [{ chatId: group, head: 2, read: 0, receiptsVersion: 0 }] });
  peer.refuse(peer.one('pull').request, 300);
  await rig.clock.advance(60_000);
  assert.deepEqual(peer.take('pull'), []);
  assert.equal(rig.heard('synced').length, 1);
});

test('no more than four pulls are under way at once', async () => {
  const rig = await rigOf();
  const rows = Array.from({ length: 9 }, (_, at) => ({ chatId: `${group.slice(0, -1)}${at}` as typeof group, head: 1, read: 0, receiptsVersion: 0 }));
  const peer = await rig.connect({ rows });
  const first = peer.take('pull');
  assert.equal(first.length, 4);
  for (const { request, chatId } of first) peer.say({ kind: 'entries', request, chatId, from: 1, through: 1, head: 1, entries: [entry(1, { chatId })] });
  await rig.clock.settle();
  assert.equal(peer.take('pull').length, 4);
});

test('a client whose storage cannot keep up passes pushes over and pulls them when it can', async () => {
  const rig = await rigOf({ policy: { unwrittenMax: 4 } });
  const peer = await rig.connect();
  push(peer, ...log);
  const first = rig.heard('entry').length;
  await rig.clock.settle();
  assert.equal(first, 0);
  const told = rig.heard('entry').length;
  assert.ok(told < 10, `${told}`);
  answerPull(peer, log);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), seqs(log));
});

test('a frame of a type that this version does not know harms nothing', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  peer.events.received(new Uint8Array([0x92, 0xcd, 0x03, 0xe7, 0x01])); // [999, 1]
  push(peer, entry(1));
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.isConnected], [[1], true]);
});

test('a chat knows its title, its peer and whether this user is in, from its log alone', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  const about = (title: string, ...userIds: (typeof ann)[]) => ({
    contentType: membersContentType,
    body: encodeMembersBody({ title, members: userIds.map((userId) => [userId, 'member']) }),
  });
  push(
    peer,
    entry(1, { entryKind: entryKinds.created, countable: 0, ...about('Tea', bob, ann) }),
    entry(1, { chatId: annBob, entryKind: entryKinds.created, countable: 0, ...about('', bob, ann) }),
  );
  await rig.clock.settle();
  assert.deepEqual([rig.client.chat(group).title, rig.client.chat(group).member, rig.client.chat(annBob).peer], ['Tea', true, bob]);
  push(peer, entry(2, { entryKind: entryKinds.removed, countable: 0, ...about('', ann) }));
  await rig.clock.settle();
  assert.equal(rig.client.chat(group).member, false);
});

test('an entry of this very device that comes by pull without an outbox item is told like any other', async () => {
  const rig = await rigOf();
  const peer = await rig.connect({ rows: [{ chatId: group, head: 1, read: 0, receiptsVersion: 0 }] });
  answerPull(peer, [entry(1, { author: ann, device: annPhone })]);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), [1]);
  assert.deepEqual(rig.heard('message'), []);
});
