// What becomes of what is sent: in order, once, under numbers that only rise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { Closed, type Refused, TooMuchWaiting } from '../../src/sdk/faults.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import type { DeviceStorage } from '../../src/sdk/storage.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, annBob, annPhone, answerPull, bob, entry, greet, group, inGroup, push, rigOf, sentAs, seqs, texts } from './rig.ts';

test('a message is kept durably, sent under a number counted from the clock, and stands in the log at its seq', async () => {
  const { rig, peer } = await inGroup();
  const promise = rig.client.chat(group).send('hello');
  assert.deepEqual(peer.take('send'), [], 'not before it is kept');
  assert.equal(rig.client.chat(group).pending.length, 1);
  await rig.clock.settle();
  const { number, after, body, chatId, contentType, peer: named } = peer.one('send');
  assert.equal(Math.floor(number / numbersPerMs), rig.clock.nowMs());
  assert.deepEqual([after, chatId, contentType, named, new TextDecoder().decode(body)], [0, group, 'text/plain', null, 'hello']);
  sentAs(peer, number, 2);
  const result = await promise;
  assert.deepEqual([result.seq, result.chatId, result.number, result.atMs], [2, group, number, 1_002]);
  assert.deepEqual(rig.client.chat(group).pending, []);
  const { entries } = await rig.client.chat(group).history();
  const own = entries.at(-1);
  assert.deepEqual([own?.seq, own?.author, own?.device, own?.number, own?.countable, own?.entryKind], [2, ann, annPhone, number, 2, entryKinds.message]);
  assert.deepEqual([seqs(rig.heard('entry')), rig.heard('message').length], [[1, 2], 1]);
});

test('numbers rise and each names its predecessor; sixteen fly, the next waits for an answer', async () => {
  const { rig, peer } = await inGroup();
  for (let at = 1; at <= 18; at += 1) void rig.client.chat(group).send(`m${at}`);
  await rig.clock.settle();
  const first = peer.take('send');
  assert.equal(first.length, limits.openSendsPerChatMax);
  for (const [at, frame] of first.entries()) assert.equal(frame.after, first[at - 1]?.number ?? 0);
  sentAs(peer, (first[0] as { number: number }).number, 2);
  await rig.clock.settle();
  const next = peer.one('send');
  assert.deepEqual([texts([next]), next.after], [['m17'], first.at(-1)?.number]);
});

test('one that is pushed among those of others before it is answered is sent, once', async () => {
  const { rig, peer } = await inGroup();
  const promise = rig.client.chat(group).send('mine');
  await rig.clock.settle();
  const { number } = peer.one('send');
  peer.say({ kind: 'pushed', entries: [entry(2), { ...entry(3), author: ann, device: annPhone, number }, entry(4)] });
  await rig.clock.settle();
  assert.equal((await promise).seq, 3);
  sentAs(peer, number, 3);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.chat(group).pending, peer.take('send')], [[1, 2, 3, 4], [], []]);
});

test('the predecessor of a later message is the last accepted one', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sentAs(peer, number, 2);
  await rig.clock.settle();
  void rig.client.chat(group).send('b');
  await rig.clock.settle();
  assert.equal(peer.one('send').after, number);
});

test('a direct chat is made by its first message, which names the peer; the rest do not', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  void rig.client.directChat(bob).send('first');
  await rig.clock.settle();
  const first = peer.one('send');
  assert.deepEqual([first.chatId, first.peer], [annBob, bob]);
  sentAs(peer, first.number, 2, annBob);
  await rig.clock.settle();
  const created = entry(1, {
    chatId: annBob,
    entryKind: entryKinds.created,
    author: ann,
    device: annPhone,
    number: 0,
    countable: 0,
    contentType: membersContentType,
    body: encodeMembersBody({
      title: '',
      members: [
        [ann, 'member'],
        [bob, 'member'],
      ],
    }),
  });
  const own = entry(2, { chatId: annBob, author: ann, device: annPhone, number: first.number, countable: 1 });
  answerPull(peer, [created, own]);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending()], [[1, 2], []]);
  void rig.client.directChat(bob).send('second');
  await rig.clock.settle();
  assert.equal(peer.one('send').peer, null);
});

test('sent ahead of a gap: the promise resolves, the item stays until the entries between have come', async () => {
  const { rig, peer } = await inGroup();
  const promise = rig.client.chat(group).send('mine');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sentAs(peer, number, 4);
  assert.equal((await promise).seq, 4);
  assert.equal(rig.client.chat(group).pending[0]?.sentSeq, 4);
  answerPull(peer, [entry(2), entry(3), entry(4, { author: ann, device: annPhone, number })]);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending(), rig.heard('sent').length], [[1, 2, 3, 4], [], 1]);
});

test('the own entry in a pull is the answer, if no other came', async () => {
  const { rig, peer } = await inGroup();
  const promise = rig.client.chat(group).send('mine');
  await rig.clock.settle();
  const { number } = peer.one('send');
  push(peer, entry(3));
  await rig.clock.settle();
  answerPull(peer, [entry(2, { author: ann, device: annPhone, number }), entry(3)]);
  assert.equal((await promise).seq, 2);
  sentAs(peer, number, 2);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending(), rig.heard('sent').length], [[1, 2, 3], [], 1]);
});

test('numbers count from the time that the server has told', async () => {
  const rig = await rigOf({ clock: new FakeClock(1_000_000_000) });
  const peer = await rig.connect({ serverTimeMs: 1_900_000_000_000 });
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  assert.equal(Math.floor(peer.one('send').number / numbersPerMs), 1_900_000_000_000);
});

test('a body over the limit is refused here, before it takes a number', async () => {
  const { rig, peer } = await inGroup();
  await assert.rejects(rig.client.chat(group).send({ contentType: 'x/y', body: new Uint8Array(limits.bodyBytesMax + 1) }), (error: Refused) => error.why === 'bodyTooBig');
  await rig.clock.settle();
  assert.deepEqual([peer.take('send'), rig.client.pending()], [[], []]);
});

test('an outbox that holds as much as it takes says so', async () => {
  const rig = await rigOf({ policy: { outboxItemsMax: 2 } });
  const chat = rig.client.chat(group);
  void chat.send('a');
  void chat.send('b');
  await assert.rejects(chat.send('c'), TooMuchWaiting);
});

test('written without a connection, it waits; closed, its promise says so and it goes out next time', async () => {
  const disk = memoryDisk();
  const rig = await rigOf({ disk });
  const promise = rig.client.chat(group).send('a');
  await rig.clock.settle();
  await rig.client.close();
  await assert.rejects(promise, Closed);
  await assert.rejects(rig.client.chat(group).send('b'), Closed);
  const again = await rigOf({ disk, clock: rig.clock });
  assert.deepEqual(texts((await again.connect()).take('send')), ['a']);
});

test('sends of all chats together leave room for requests among those that may be in flight', async () => {
  const rig = await rigOf({ policy: { requestsAtOnce: 4 } });
  const peer = await rig.connect({ requestsInFlightMax: 10 });
  const chats = Array.from({ length: 9 }, (_, at) => `${group.slice(0, -1)}${at}` as typeof group);
  for (const chatId of chats) void rig.client.chat(chatId).send('a');
  await rig.clock.settle();
  const first = peer.take('send');
  assert.equal(first.length, 6);
  const one = first[0];
  if (one !== undefined) sentAs(peer, one.number, 1, one.chatId);
  await rig.clock.settle();
  assert.equal(peer.take('send').length, 1);
});

test('a group is made once, whatever gets lost, and its chat is known from the answer', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  const making = rig.client.createGroup('Tea', [bob]);
  await rig.clock.settle();
  const first = peer.one('createGroup');
  assert.deepEqual([first.title, first.userIds], ['Tea', [bob]]);
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  assert.deepEqual(rig.peer().one('createGroup'), first);
  sentAs(rig.peer(), first.number, 1);
  const chat = await making;
  assert.equal(chat.chatId, group);
  const created = entry(1, {
    entryKind: entryKinds.created,
    author: ann,
    device: annPhone,
    number: first.number,
    countable: 0,
    contentType: membersContentType,
    body: encodeMembersBody({
      title: 'Tea',
      members: [
        [ann, 'owner'],
        [bob, 'member'],
      ],
    }),
  });
  answerPull(rig.peer(), [created]);
  await rig.clock.settle();
  assert.deepEqual([chat.title, rig.client.pending(), (await chat.members()).members.length], ['Tea', [], 2]);
});

test('changes of membership stand in line with messages, and their entries are pulled', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  void chat.send('before');
  const adding = chat.add(bob);
  void chat.send('after');
  await rig.clock.settle();
  const [before, after] = peer.take('send');
  const add = peer.one('addMembers');
  assert.deepEqual([add.after, after?.after], [before?.number, add.number]);
  sentAs(peer, before?.number ?? 0, 2);
  sentAs(peer, add.number, 3);
  assert.equal((await adding).seq, 3);
  sentAs(peer, after?.number ?? 0, 4);
  await rig.clock.settle();
  const added = entry(3, {
    entryKind: entryKinds.added,
    author: ann,
    device: annPhone,
    number: add.number,
    countable: 2,
    contentType: membersContentType,
    body: encodeMembersBody({ title: '', members: [[bob, 'member']] }),
  });
  answerPull(peer, [added]);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending()], [[1, 2, 3, 4], []]);
});

test('no send leaves before its write is done, and that write is asked to survive the machine', async () => {
  const disk = memoryDisk();
  const syncs: boolean[] = [];
  let letGo: () => void = () => undefined;
  const slow = (storage: DeviceStorage): DeviceStorage => ({
    ...storage,
    async write(changes, options) {
      if (changes.some(({ kind }) => kind === 'outbox')) {
        syncs.push(options.sync);
        await new Promise<void>((resolve) => (letGo = resolve));
      }
      await storage.write(changes, options);
    },
  });
  const rig = await rigOf({ disk: { ...disk, storage: () => slow(disk.storage()) } });
  const peer = await rig.connect();
  void rig.client.chat(group).send('a');
  await rig.clock.advance(5_000);
  assert.deepEqual([peer.take('send'), syncs], [[], [true]]);
  letGo();
  await rig.clock.settle();
  peer.one('send');
});

test('a storage that fails stops the client, and says so', async () => {
  const disk = memoryDisk();
  const broken = (storage: DeviceStorage): DeviceStorage => ({
    ...storage,
    write: (changes, options) => (changes.some(({ kind }) => kind === 'entry') ? Promise.reject(new Error('disk full')) : storage.write(changes, options)),
  });
  const rig = await rigOf({ disk: { ...disk, storage: () => broken(disk.storage()) } });
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  assert.deepEqual(rig.heard('entry'), [], 'what is not kept is not told');
  assert.match(String(rig.heard('failed')[0]?.error), /disk full/);
  await assert.rejects(rig.client.chat(group).send('a'), Closed);
});
