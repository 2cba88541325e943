// How a client comes back: from its cursors, into another history, into a chat it has never seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { ann, answerPull, entry, group, push, rigOf, seqs } from './rig.ts';

const log = Array.from({ length: 30 }, (_, at) => entry(at + 1));
const upTo = (seq: number) => log.slice(0, seq);

test('the cursor and its entries survive a restart, and the next connection asks from there', async () => {
  const disk = memoryDisk();
  const rig = await rigOf({ disk });
  push(await rig.connect(), entry(1), entry(2));
  await rig.clock.settle();
  await rig.client.close();
  const again = await rigOf({ disk, clock: rig.clock });
  const peer = await again.connect();
  assert.deepEqual(peer.resumed, [{ chatId: group, seq: 2, receiptsVersion: 0 }]);
  const { entries } = await again.client.chat(group).history();
  assert.deepEqual(seqs(entries), [1, 2]);
  assert.equal(again.client.chat(group).seq, 2);
});

test('resume names every chat that is kept, in as many frames as the server wants, only the last with `last`', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  const chats = Array.from({ length: 7 }, (_, at) => `${group.slice(0, -1)}${at}` as typeof group);
  push(peer, ...chats.map((chatId) => entry(1, { chatId })));
  await rig.clock.settle();
  peer.say({ kind: 'lagging' });
  await rig.clock.settle();
  const frames = peer.take('resume');
  assert.deepEqual(
    frames.map(({ cursors, last }) => [cursors.length, last]),
    [
      [3, false],
      [3, false],
      [1, true],
    ],
  );
  assert.equal(new Set(frames.map(({ request }) => request)).size, 1);
  assert.deepEqual(
    frames.flatMap(({ cursors }) => cursors.map(({ chatId, seq }) => [chatId, seq])),
    chats.map((chatId) => [chatId, 1]),
  );
  assert.deepEqual(new Set(frames.map(({ incarnation }) => incarnation)), new Set(['i1']));
});

test('a lagging device resumes, and is in sync again when it has pulled', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  peer.say({ kind: 'lagging' });
  await rig.clock.settle();
  const { request } = peer.one('resume');
  peer.say({ kind: 'moved', request, rows: [{ chatId: group, head: 3, read: 0, receiptsVersion: 0 }], last: true });
  await rig.clock.settle();
  assert.equal(rig.heard('synced').length, 1);
  answerPull(peer, upTo(3));
  await rig.clock.settle();
  assert.equal(rig.heard('synced').length, 2);
  assert.deepEqual(seqs(rig.heard('entry')), [1, 2, 3]);
});

test('with another incarnation the cursors are forgotten and the entries come anew', async () => {
  const rig = await rigOf();
  push(await rig.connect(), entry(1), entry(2), entry(3));
  await rig.clock.settle();
  rig.peer().events.closed(1006, '');
  await rig.clock.advance(1_000);
  const peer = rig.peer();
  peer.events.opened();
  assert.equal(rig.heard('reset').length, 0);
  const rows = [{ chatId: group, head: 2, read: 0, receiptsVersion: 0 }];
  await rig.clock.settle();
  peer.take('hello');
  // As `greet` does, but looking at what the client resumes with.
  peer.say({
    kind: 'welcome',
    version: 1,
    userId: ann,
    incarnation: 'i2',
    serverTimeMs: 0,
    heartbeatMs: 30_000,
    frameBytesMax: 1,
    bodyBytesMax: 1,
    openSendsPerChatMax: 16,
    requestsInFlightMax: 512,
    cursorsPerResumeMax: 9,
    pullEntriesMax: 9,
  });
  await rig.clock.settle();
  const { request, cursors, incarnation } = peer.one('resume');
  assert.deepEqual([cursors, incarnation], [[], 'i2']);
  peer.say({ kind: 'moved', request, rows, last: true });
  await rig.clock.settle();
  answerPull(peer, [entry(1, { atMs: 77 }), entry(2, { atMs: 78 })]);
  await rig.clock.settle();
  assert.equal(rig.heard('reset').length, 1);
  assert.deepEqual(
    (await rig.client.chat(group).history()).entries.map(({ seq, atMs }) => [seq, atMs]),
    [
      [1, 77],
      [2, 78],
    ],
  );
});

test('incarnationChanged in answer to a resume does the same, and the resume goes again with none', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  peer.say({ kind: 'lagging' });
  await rig.clock.settle();
  peer.say({ kind: 'incarnationChanged', request: peer.one('resume').request, incarnation: 'i9' });
  await rig.clock.settle();
  const { cursors, incarnation } = peer.one('resume');
  assert.deepEqual([cursors, incarnation], [[], 'i9']);
  assert.equal(rig.heard('reset').length, 1);
  assert.deepEqual((await rig.client.chat(group).history()).entries, []);
});

test('of a chat that is met for the first time the newest entries are fetched, and history brings the others', async () => {
  const rig = await rigOf({ policy: { firstSightEntriesMax: 10 } });
  const peer = await rig.connect({ rows: [{ chatId: group, head: 30, read: 0, receiptsVersion: 0 }] });
  assert.equal(answerPull(peer, log).after, 20);
  await rig.clock.settle();
  assert.deepEqual(seqs(rig.heard('entry')), seqs(log.slice(20)));
  const reading = rig.client.chat(group).history({ limit: 14 });
  await rig.clock.settle();
  const history = peer.one('history');
  assert.deepEqual([history.before, history.limit], [21, 4]);
  peer.say({ kind: 'entries', request: history.request, chatId: group, from: 17, through: 20, head: 30, entries: log.slice(16, 20) });
  assert.deepEqual(seqs((await reading).entries), seqs(log.slice(16)));
});

test('in memory the newest entries of a chat are kept, older ones come from the server', async () => {
  const rig = await rigOf({ disk: memoryDisk({ entriesPerChatMax: 8 }) });
  const peer = await rig.connect();
  push(peer, ...log);
  await rig.clock.settle();
  const kept = (await rig.client.chat(group).history({ limit: 8 })).entries;
  assert.deepEqual(seqs(kept), seqs(log.slice(22)));
  const reading = rig.client.chat(group).history({ before: kept[0]?.seq ?? 0, limit: 5 });
  await rig.clock.settle();
  const { request, before } = peer.one('history');
  const floor = before - 1;
  assert.ok(floor >= 20 && floor <= 22, `${floor}`);
  peer.say({ kind: 'entries', request, chatId: group, from: 16, through: floor, head: 30, entries: log.slice(15, floor) });
  const page = await reading;
  assert.deepEqual([page.entries.at(-1)?.seq, page.more], [22, true]);
});
