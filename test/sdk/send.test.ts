// What becomes of what is sent: in order, once, under numbers that only rise, through every refusal and restart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { Closed, Refused, TooMuchWaiting } from '../../src/sdk/faults.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, annBob, annPhone, answerPull, bob, entry, greet, group, type Peer, push, type Rig, rigOf, seqs } from './rig.ts';

/** A rig with one entry in the group, connected. */
async function inGroup(options: Parameters<typeof rigOf>[0] = {}): Promise<{ rig: Rig; peer: Peer }> {
  const rig = await rigOf(options);
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  return { rig, peer };
}

function sent(peer: Peer, number: number, seq: number, chatId = group): void {
  peer.say({ kind: 'sent', number, chatId, seq, atMs: 1_000 + seq });
}

const texts = (frames: readonly { readonly body: Uint8Array }[]) => frames.map(({ body }) => new TextDecoder().decode(body));

test('a message is kept durably, sent under a number counted from the clock, and stands in the log at its seq', async () => {
  const { rig, peer } = await inGroup();
  const promise = rig.client.chat(group).send('hello');
  assert.deepEqual(peer.take('send'), [], 'not before it is kept');
  assert.equal(rig.client.chat(group).pending.length, 1);
  await rig.clock.settle();
  const { number, after, body, chatId, contentType, peer: named } = peer.one('send');
  assert.equal(number, rig.clock.nowMs() * numbersPerMs);
  assert.deepEqual([after, chatId, contentType, named, new TextDecoder().decode(body)], [0, group, 'text/plain', null, 'hello']);
  sent(peer, number, 2);
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
  sent(peer, (first[0] as { number: number }).number, 2);
  await rig.clock.settle();
  const next = peer.one('send');
  assert.deepEqual([texts([next]), next.after], [['m17'], first.at(-1)?.number]);
});

test('the predecessor of a later message is the last accepted one', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sent(peer, number, 2);
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
  sent(peer, first.number, 2, annBob);
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
  sent(peer, number, 4);
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
  sent(peer, number, 2);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending(), rig.heard('sent').length], [[1, 2, 3], [], 1]);
});

test('after a lost connection everything unanswered goes again, in order, under the same numbers', async () => {
  const { rig, peer } = await inGroup();
  for (const text of ['a', 'b', 'c']) void rig.client.chat(group).send(text);
  await rig.clock.settle();
  const first = peer.take('send');
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  const next = rig.peer();
  await greet(next, rig.clock);
  const again = next.take('send');
  assert.deepEqual(again, first);
  for (const [at, { number }] of again.entries()) sent(next, number, 2 + at);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending()], [[1, 2, 3, 4], []]);
});

test('no answer for ten seconds: the same is sent again on the same connection', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.advance(9_000);
  void rig.client.chat(group).send('b');
  await rig.clock.settle();
  const first = peer.take('send');
  await rig.clock.advance(1_000);
  assert.deepEqual(peer.take('send'), first);
});

test('a process that dies between keeping and sending, or before the answer, sends the same when it is back', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  void rig.client.chat(group).send('a');
  void rig.client.chat(group).send('b');
  await rig.clock.settle();
  const first = peer.take('send');
  rig.client.drop();
  disk.crash();
  const again = await rigOf({ disk, clock: rig.clock });
  assert.equal(again.client.pending().length, 2);
  const next = await again.connect();
  assert.deepEqual(next.take('send'), first);
  sent(next, (first[0] as { number: number }).number, 2);
  await again.clock.settle();
  assert.equal(again.heard('sent')[0]?.seq, 2);
});

test('a process that dies while it keeps a message has not sent it', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  rig.client
    .chat(group)
    .send('lost')
    .catch(() => undefined);
  rig.client.drop();
  disk.crash();
  await rig.clock.settle();
  assert.deepEqual(peer.take('send'), []);
  assert.deepEqual((await rigOf({ disk, clock: rig.clock })).client.pending(), []);
});

test('what was accepted ahead of a gap is not sent again after a restart, and leaves when its entry comes', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  void rig.client.chat(group).send('mine');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sent(peer, number, 3);
  await rig.clock.settle();
  rig.client.drop();
  disk.crash();
  const again = await rigOf({ disk, clock: rig.clock });
  const next = await again.connect({ rows: [{ chatId: group, head: 3, read: 0, receiptsVersion: 0 }] });
  assert.deepEqual(next.take('send'), []);
  answerPull(next, [entry(2), entry(3, { author: ann, device: annPhone, number })]);
  await again.clock.settle();
  assert.deepEqual([again.client.pending(), seqs(again.heard('entry')), again.heard('sent')], [[], [2, 3], []]);
});

test('numbers go up from the last one after a restart, even when the clock has fallen back', async () => {
  const disk = memoryDisk();
  const { rig, peer } = await inGroup({ disk });
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sent(peer, number, 2);
  await rig.clock.settle();
  await rig.client.close();
  const again = await rigOf({ disk, clock: new FakeClock(rig.clock.nowMs() - 3_600_000) });
  const next = await again.connect({ serverTimeMs: again.clock.nowMs() });
  void again.client.chat(group).send('b');
  await again.clock.settle();
  assert.equal(next.one('send').number, number + 1);
});

test('numbers count from the time that the server has told', async () => {
  const rig = await rigOf({ clock: new FakeClock(1_000_000_000) });
  const peer = await rig.connect({ serverTimeMs: 1_900_000_000_000 });
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  assert.equal(peer.one('send').number, 1_900_000_000_000 * numbersPerMs);
});

test('refused for good: the promise rejects, the event tells, the next one follows the last accepted', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  const failing = assert.rejects(chat.send('too bold'), (error: Refused) => error instanceof Refused && error.why === 'forbidden');
  void chat.send('fine');
  await rig.clock.settle();
  const [bold, fine] = peer.take('send');
  peer.refuse(bold?.number ?? 0, 302);
  peer.refuse(fine?.number ?? 0, 312, { highest: 77 });
  await failing;
  await rig.clock.settle();
  const again = peer.one('send');
  assert.deepEqual([again.number, again.after, texts([again])], [fine?.number, 77, ['fine']]);
  assert.deepEqual(
    rig.heard('refused').map(({ item, refused }) => [item.number, refused.why]),
    [[bold?.number, 'forbidden']],
  );
  sent(peer, again.number, 2);
  await rig.clock.settle();
  assert.deepEqual(rig.client.pending(), []);
});

test('busy: the same goes again under the same number after the hint, and what follows it waits', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  peer.refuse(number, 101, { retryAfterMs: 400 });
  await rig.clock.advance(399);
  void rig.client.chat(group).send('b');
  await rig.clock.settle();
  assert.deepEqual(peer.take('send'), []);
  await rig.clock.advance(401);
  const both = peer.take('send');
  assert.deepEqual([texts(both), both[0]?.number, both[1]?.after], [['a', 'b'], number, number]);
});

test('busy again and again: each wait is longer, none beyond its limit, and jittered', async () => {
  const waits: number[] = [];
  const { rig, peer } = await inGroup({ random: () => 0, policy: { retryMaxMs: 2_000 } });
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  for (let at = 0; at < 6; at += 1) {
    const { number } = peer.one('send');
    const fromMs = rig.clock.nowMs();
    peer.refuse(number, 101, { retryAfterMs: 300 });
    while (!peer.kinds().includes('send')) await rig.clock.advance(10);
    waits.push(rig.clock.nowMs() - fromMs);
  }
  assert.deepEqual(waits, [300, 600, 1_200, 2_000, 2_000, 2_000]);
});

test('outOfOrder behind an older one that is lost: everything from the oldest on goes again, once', async () => {
  const { rig, peer } = await inGroup();
  for (const text of ['a', 'b', 'c']) void rig.client.chat(group).send(text);
  await rig.clock.settle();
  const [a, b, c] = peer.take('send');
  // The server never saw `a`.
  peer.refuse(b?.number ?? 0, 312, { highest: 0 });
  await rig.clock.settle();
  assert.deepEqual(texts(peer.take('send')), ['a', 'b']);
  peer.refuse(c?.number ?? 0, 312, { highest: 0 });
  await rig.clock.settle();
  const [again] = peer.take('send');
  assert.deepEqual([again?.number, again?.after], [c?.number, b?.number]);
  for (const [at, one] of [a, b, c].entries()) sent(peer, one?.number ?? 0, 2 + at);
  await rig.clock.settle();
  assert.deepEqual([rig.client.pending(), seqs(rig.heard('entry'))], [[], [1, 2, 3, 4]]);
});

test('outOfOrder over and over for the oldest: after a few tries it waits', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  for (let at = 0; at < 4; at += 1) {
    peer.refuse(peer.one('send').number, 312, { highest: 5 });
    await rig.clock.settle();
  }
  assert.deepEqual(peer.take('send'), []);
  await rig.clock.advance(60_000 / 4);
  assert.equal(peer.take('send')[0]?.after, 5);
});

test('numberPassed: a new number, and what was written after it stays after it, each under a new number too', async () => {
  const { rig, peer } = await inGroup();
  for (const text of ['a', 'b']) void rig.client.chat(group).send(text);
  await rig.clock.settle();
  const [a, b] = peer.take('send');
  peer.refuse(a?.number ?? 0, 310);
  await rig.clock.settle();
  assert.deepEqual(peer.take('send'), [], 'the answer to `b` decides whether it may be renumbered');
  peer.refuse(b?.number ?? 0, 312, { highest: 9 });
  await rig.clock.settle();
  const again = peer.take('send');
  assert.deepEqual(texts(again), ['a', 'b']);
  assert.ok((again[0]?.number ?? 0) > (b?.number ?? 0) && (again[1]?.number ?? 0) > (again[0]?.number ?? 0));
  assert.equal(again[1]?.after, again[0]?.number);
});

test('numberPassed: a later one that the server may hold is asked about before anything gets a new number', async () => {
  const { rig, peer } = await inGroup();
  for (const text of ['a', 'b']) void rig.client.chat(group).send(text);
  await rig.clock.settle();
  const [a, b] = peer.take('send');
  peer.refuse(a?.number ?? 0, 310);
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  const asked = rig.peer().take('send');
  // Only `b` is asked about, and in a way that no server accepts it: with itself as predecessor.
  assert.deepEqual([texts(asked), asked[0]?.number, asked[0]?.after], [['b'], b?.number, b?.number]);
  sent(rig.peer(), b?.number ?? 0, 2);
  await rig.clock.settle();
  const again = rig.peer().one('send');
  assert.deepEqual([texts([again]), again.after], [['a'], b?.number]);
  assert.ok(again.number > (b?.number ?? 0));
});

test('settled: found in the log it counts as sent; not found it goes again under a new number', async () => {
  for (const isThere of [true, false]) {
    const { rig, peer } = await inGroup();
    const promise = rig.client.chat(group).send('a');
    await rig.clock.settle();
    const { number } = peer.one('send');
    peer.refuse(number, 311);
    await rig.clock.settle();
    const { request } = peer.one('history');
    const own = entry(2, { author: ann, device: annPhone, number: isThere ? number : 12, atMs: rig.clock.nowMs() });
    peer.say({ kind: 'entries', request, chatId: group, from: 1, through: 2, head: 2, entries: [entry(1, { atMs: rig.clock.nowMs() }), own] });
    await rig.clock.settle();
    if (isThere) assert.equal((await promise).seq, 2);
    else assert.ok(peer.one('send').number > number);
    assert.equal(rig.client.pending().length, isThere ? 0 : 1);
  }
});

test('settled: the log is searched page by page, back to the time before which the number cannot have been used', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  peer.refuse(number, 311);
  await rig.clock.settle();
  const nowMs = rig.clock.nowMs();
  const page = (request: number, from: number, atMs: number) =>
    peer.say({ kind: 'entries', request, chatId: group, from, through: from + 1, head: 99, entries: [entry(from, { atMs }), entry(from + 1, { atMs })] });
  page(peer.one('history').request, 90, nowMs);
  await rig.clock.settle();
  const second = peer.one('history');
  assert.equal(second.before, 90);
  page(second.request, 80, nowMs - limits.clockAheadMsMax - 1);
  await rig.clock.settle();
  assert.deepEqual(peer.take('history'), []);
  assert.ok(peer.one('send').number > number);
});

test('clockOff: numbers are counted again from the server`s time', async () => {
  const disk = memoryDisk();
  const ahead = await rigOf({ disk, clock: new FakeClock(1_800_000_000_000 + 40 * 86_400_000) });
  ahead.client
    .chat(group)
    .send('a')
    .catch(() => undefined);
  await ahead.clock.settle();
  await ahead.client.close();
  const rig = await rigOf({ disk });
  const peer = await rig.connect();
  const first = peer.one('send');
  assert.ok(first.number > (rig.clock.nowMs() + limits.clockAheadMsMax) * numbersPerMs);
  peer.refuse(first.number, 313);
  await rig.clock.settle();
  const again = peer.one('send');
  assert.equal(again.number, rig.clock.nowMs() * numbersPerMs);
  void rig.client.chat(annBob).send('b');
  await rig.clock.settle();
  assert.equal(peer.one('send').number, again.number + 1);
});

test('with another incarnation what was accepted but never seen in the log goes again', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sent(peer, number, 3);
  await rig.clock.settle();
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock, { incarnation: 'i2' });
  const again = rig.peer().one('send');
  assert.deepEqual([again.number, again.after], [number, 0]);
  assert.equal(rig.heard('sent').length, 1);
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
  if (one !== undefined) sent(peer, one.number, 1, one.chatId);
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
  sent(rig.peer(), first.number, 1);
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
  sent(peer, before?.number ?? 0, 2);
  sent(peer, add.number, 3);
  assert.equal((await adding).seq, 3);
  sent(peer, after?.number ?? 0, 4);
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
