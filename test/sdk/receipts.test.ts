// Watermarks: what is told to the server and when, ticks, unread, and how missed receipts are found again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { ann, annPhone, bob, entry, greet, group, type Peer, push, type Rig, rigOf } from './rig.ts';

const eve = `${bob.slice(0, -1)}e` as typeof bob;
const created = entry(1, {
  entryKind: entryKinds.created,
  countable: 0,
  contentType: membersContentType,
  body: encodeMembersBody({ title: 'Tea', members: [ann, bob, eve].map((userId) => [userId, 'member']) }),
});
/** A message by bob (or ann, from this device or another of hers) in a log that begins with `created`. */
const message = (seq: number, more = {}) => entry(seq, { countable: seq - 1, ...more });

async function inGroup(options: Parameters<typeof rigOf>[0] = {}): Promise<{ rig: Rig; peer: Peer }> {
  const rig = await rigOf(options);
  const peer = await rig.connect();
  push(peer, created);
  await rig.clock.settle();
  peer.take('delivered');
  await rig.clock.advance(2_000);
  return { rig, peer };
}

test('delivered is told at once, then at most once a second and chat, always the highest', async () => {
  const { rig, peer } = await inGroup();
  const told: [number, number][] = [];
  for (let seq = 2; seq <= 40; seq += 1) {
    push(peer, message(seq));
    await rig.clock.advance(100);
    for (const { seq: upTo } of peer.take('delivered')) told.push([rig.clock.nowMs(), upTo]);
  }
  await rig.clock.advance(1_000);
  for (const { seq: upTo } of peer.take('delivered')) told.push([rig.clock.nowMs(), upTo]);
  assert.equal(told[0]?.[1], 2);
  assert.equal(told.at(-1)?.[1], 40);
  assert.ok(told.length >= 4 && told.length <= 6, JSON.stringify(told));
});

test('what this device wrote itself needs no receipt', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('mine');
  await rig.clock.settle();
  peer.say({ kind: 'sent', number: peer.one('send').number, chatId: group, seq: 2, atMs: 5 });
  await rig.clock.advance(3_000);
  assert.deepEqual(peer.take('delivered'), []);
});

test('delivered is told only of what is kept', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2));
  assert.deepEqual(peer.take('delivered'), []);
  await rig.clock.settle();
  assert.equal(peer.one('delivered').seq, 2);
});

test('read tells the server once, tells delivered with it, and never falls', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  push(peer, message(2), message(3), message(4));
  await rig.clock.advance(5_000);
  peer.take('delivered');
  assert.equal(chat.unread, 3);
  await chat.read(3);
  assert.equal(peer.one('read').seq, 3);
  assert.equal(chat.unread, 1);
  await chat.read(2);
  await chat.read(99);
  assert.equal(chat.unread, 0);
  await rig.clock.advance(5_000);
  assert.equal(peer.one('read').seq, 4);
  assert.deepEqual(peer.take('delivered'), []);
});

test('unread counts the messages of others: own ones, and changes of membership, do not', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  push(peer, message(2), message(3, { author: ann }), message(4), entry(5, { ...created, seq: 5, entryKind: entryKinds.roleSet, countable: 3 }));
  await rig.clock.settle();
  assert.equal(chat.unread, 2);
  await chat.read(2);
  assert.equal(chat.unread, 1);
  await chat.read();
  push(peer, message(6, { author: ann, countable: 4 }));
  await rig.clock.settle();
  assert.equal(chat.unread, 0);
  push(peer, message(7, { countable: 5 }));
  await rig.clock.settle();
  assert.equal(chat.unread, 1);
});

test('what another device of this user has read is read here', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  push(peer, message(2), message(3));
  await rig.clock.settle();
  peer.say({ kind: 'receipt', chatId: group, userId: ann, delivered: 3, read: 3, receiptsVersion: 99 });
  await rig.clock.settle();
  assert.equal(chat.unread, 0);
  peer.say({ kind: 'moved', request: 0, rows: [{ chatId: group, head: 3, read: 8, receiptsVersion: rig.client.chat(group).seq }], last: true });
  push(peer, message(4), message(5));
  await rig.clock.settle();
  assert.equal(chat.unread, 0, 'read ahead of what is here');
});

test('ticks: sent, delivered to all others, read by all others; who came later does not count', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  const receipt = (userId: typeof ann, delivered: number, read: number) => peer.say({ kind: 'receipt', chatId: group, userId, delivered, read, receiptsVersion: 0 });
  push(peer, message(2, { author: ann, device: annPhone }));
  await rig.clock.settle();
  const ticks = [chat.tick(2)];
  receipt(bob, 2, 1);
  ticks.push(chat.tick(2));
  receipt(eve, 2, 2);
  ticks.push(chat.tick(2));
  const late = `${bob.slice(0, -1)}L` as typeof bob;
  push(peer, entry(3, { entryKind: entryKinds.added, countable: 1, contentType: membersContentType, body: encodeMembersBody({ title: '', members: [[late, 'member']] }) }));
  await rig.clock.settle();
  receipt(bob, 1, 2); // late and partly old: watermarks only rise, also those that the program is told
  ticks.push(chat.tick(2));
  assert.deepEqual(ticks, ['sent', 'sent', 'delivered', 'read']);
  assert.deepEqual(
    rig.heard('receipt').map(({ userId, delivered, read }) => [userId, delivered, read]),
    [
      [bob, 2, 1],
      [eve, 2, 2],
      [bob, 2, 2],
    ],
  );
});

test('receipts that are known need no roster at the next connection: the versions agree', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2));
  await rig.clock.settle();
  assert.equal(peer.one('delivered').seq, 2);
  peer.say({ kind: 'receipt', chatId: group, userId: bob, delivered: 2, read: 2, receiptsVersion: 0 });
  await rig.clock.advance(2_000);
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  // Created: three members at 1 and 1. Then ann delivered 2, bob delivered and read 2.
  assert.deepEqual(rig.peer().resumed, [{ chatId: group, seq: 2, receiptsVersion: 6 + 1 + 2 }]);
});

test('a receipt that was missed shows in the version, and the roster is fetched', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2, { author: ann, device: annPhone }));
  await rig.clock.settle();
  peer.say({ kind: 'moved', request: 0, rows: [{ chatId: group, head: 2, read: 1, receiptsVersion: 10 }], last: true });
  await rig.clock.settle();
  const { request } = peer.one('getMembers');
  const row = (userId: typeof ann, delivered: number, read: number) => ({ userId, role: 'member' as const, joinedSeq: 1, delivered, read });
  peer.say({ kind: 'members', request, chatId: group, seq: 2, receiptsVersion: 10, title: 'Tea', members: [row(ann, 1, 1), row(bob, 2, 2), row(eve, 2, 2)] });
  await rig.clock.settle();
  assert.equal(rig.client.chat(group).tick(2), 'read');
  peer.say({ kind: 'moved', request: 0, rows: [{ chatId: group, head: 2, read: 1, receiptsVersion: 10 }], last: true });
  await rig.clock.settle();
  assert.deepEqual(peer.take('getMembers'), []);
});

test('a `delivered` that got lost is told again once the roster shows that the server does not have it', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2));
  await rig.clock.settle();
  peer.one('delivered'); // lost on the way to the chat
  await rig.clock.advance(2_000);
  peer.say({ kind: 'moved', request: 0, rows: [{ chatId: group, head: 2, read: 1, receiptsVersion: 6 }], last: true });
  await rig.clock.settle();
  const row = (userId: typeof ann) => ({ userId, role: 'member' as const, joinedSeq: 1, delivered: 1, read: 1 });
  peer.say({ kind: 'members', request: peer.one('getMembers').request, chatId: group, seq: 2, receiptsVersion: 6, title: 'Tea', members: [row(ann), row(bob), row(eve)] });
  await rig.clock.settle();
  assert.equal(peer.one('delivered').seq, 2);
});

test('receipts that were told just before the connection went are told again, older ones are not', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2), message(3));
  await rig.clock.settle();
  await rig.client.chat(group).read(2);
  await rig.clock.advance(2_000);
  assert.equal(peer.take('delivered').length + peer.take('read').length, 2);
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  assert.deepEqual([rig.peer().take('delivered').at(-1)?.seq, rig.peer().one('read').seq], [3, 2]);
  for (let at = 0; at < 90; at += 1) {
    await rig.clock.advance(1_000);
    rig.peer().say({ kind: 'pong', request: 0, serverTimeMs: 0 });
  }
  rig.peer().events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  assert.deepEqual([rig.peer().take('delivered'), rig.peer().take('read')], [[], []]);
});

test('ticks and unread survive a restart', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  push(peer, message(2, { author: ann, device: annPhone }), message(3));
  await rig.clock.settle();
  for (const userId of [bob, eve]) peer.say({ kind: 'receipt', chatId: group, userId, delivered: 2, read: 0, receiptsVersion: 0 });
  await rig.client.close();
  const again = await rigOf({ disk, clock: rig.clock });
  assert.deepEqual([again.client.chat(group).tick(2), again.client.chat(group).unread], ['delivered', 1]);
});

test('what was delivered to a device that died before it told is told at its next connection', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  push(peer, message(2));
  await rig.clock.settle();
  push(peer, message(3));
  await rig.clock.settle();
  rig.client.drop();
  disk.crash();
  const again = await rigOf({ disk, clock: rig.clock });
  assert.equal((await again.connect()).one('delivered').seq, 3);
});

test('the list of chats: the server`s, with this device`s own unread; without a connection what is here', async () => {
  const { rig, peer } = await inGroup();
  push(peer, message(2), message(3));
  await rig.clock.settle();
  await rig.client.chat(group).read(2);
  const listing = rig.client.chats();
  await rig.clock.settle();
  const { request, before } = peer.one('listChats');
  assert.equal(before, null);
  const row = { chatId: group, chatKind: 'group' as const, title: 'Tea', peer: null, head: 3, atMs: 3, read: 0, unread: 2, member: true, receiptsVersion: 0, last: message(3) };
  peer.say({ kind: 'chats', request, rows: [row], next: { atMs: 3, chatId: group } });
  await rig.clock.settle();
  const second = peer.one('listChats');
  assert.deepEqual(second.before, { atMs: 3, chatId: group });
  const other = `${group.slice(0, -1)}x` as typeof group;
  peer.say({ kind: 'chats', request: second.request, rows: [{ ...row, chatId: other, unread: 7, head: 9 }], next: null });
  assert.deepEqual(
    (await listing).map(({ chatId, unread, title }) => [chatId, unread, title]),
    [
      [group, 1, 'Tea'],
      [other, 7, 'Tea'],
    ],
  );
  peer.events.closed(1006, '');
  const here = await rig.client.chats();
  assert.deepEqual(
    here.map(({ chatId, unread, last }) => [chatId, unread, last?.seq]),
    [[group, 1, 3]],
  );
});
