// What a client does about each refusal of a send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, annBob, annPhone, entry, greet, group, inGroup, push, rigOf, sentAs, seqs, texts } from './rig.ts';

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
  for (const [at, one] of [a, b, c].entries()) sentAs(peer, one?.number ?? 0, 2 + at);
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
  sentAs(rig.peer(), b?.number ?? 0, 2);
  await rig.clock.settle();
  const again = rig.peer().one('send');
  assert.deepEqual([texts([again]), again.after], [['a'], b?.number]);
  assert.ok(again.number > (b?.number ?? 0));
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
  assert.equal(Math.floor(again.number / numbersPerMs), rig.clock.nowMs());
  void rig.client.chat(annBob).send('b');
  await rig.clock.settle();
  assert.ok(peer.one('send').number > again.number);
});

test('clockOff: a number that is still open is not given a second time', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  // The clock is set: days ahead, for one message, and back again with the next connection.
  const ahead = 40 * 86_400_000;
  rig.clock.leap(ahead);
  void rig.client.chat(annBob).send('b');
  rig.clock.leap(-ahead);
  await rig.clock.settle();
  const off = peer.one('send');
  peer.refuse(off.number, 313);
  await rig.clock.settle();
  const again = peer.one('send').number;
  assert.ok(again > number && again < off.number);
});

test('numberPassed: the new number is above every one of this device that stands in the log, whatever its clock says', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  // From a life of this device with a faster clock, which its storage, restored from a copy, knows nothing of.
  push(peer, entry(2, { author: ann, device: annPhone, number: number + 1_000_000_000 }));
  await rig.clock.settle();
  peer.refuse(number, 310);
  await rig.clock.settle();
  assert.ok(peer.one('send').number > number + 1_000_000_000);
});

test('numberPassed with highest: everything from there on gets numbers above it, at once, in order, and is sent once', async () => {
  const { rig, peer } = await inGroup();
  const chat = rig.client.chat(group);
  const both = Promise.all([chat.send('a'), chat.send('b')]);
  await rig.clock.settle();
  const [a, b] = peer.take('send');
  // Let in again by a chat whose clock is an hour ahead of this device's.
  const highest = (rig.clock.nowMs() + 3_600_000) * numbersPerMs;
  peer.refuse(a?.number ?? 0, 310, { highest });
  peer.refuse(b?.number ?? 0, 312, { highest: 0 });
  await rig.clock.settle();
  const again = peer.take('send');
  assert.deepEqual(texts(again), ['a', 'b']);
  assert.ok((again[0]?.number ?? 0) > highest && (again[1]?.number ?? 0) > (again[0]?.number ?? 0));
  assert.equal(again[1]?.after, again[0]?.number);
  again.forEach(({ number }, at) => void sentAs(peer, number, 2 + at));
  await rig.clock.settle();
  assert.deepEqual(seqs(await both), [2, 3]);
  assert.deepEqual([rig.client.pending(), texts(peer.take('send'))], [[], []]);
});

test('numberPassed with highest: a client that is opened again numbers above it as well', async () => {
  const disk = memoryDisk();
  const first = await rigOf({ disk });
  void first.client
    .chat(annBob)
    .send('a')
    .catch(() => undefined);
  const peer = await first.connect();
  const highest = (first.clock.nowMs() + 3_600_000) * numbersPerMs;
  peer.refuse(peer.one('send').number, 310, { highest });
  await first.clock.settle();
  assert.ok(peer.one('send').number > highest);
  await first.client.close();
  const second = await rigOf({ disk, clock: first.clock });
  void second.client
    .chat(annBob)
    .send('b')
    .catch(() => undefined);
  const numbers = (await second.connect()).take('send').map(({ number }) => number);
  assert.equal(numbers.length, 2);
  assert.ok((numbers[0] ?? 0) > highest && (numbers[1] ?? 0) > (numbers[0] ?? 0));
});

test('numberPassed again and again is not answered at once each time', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  let sends = 0;
  for (let at = 0; at < 100; at += 1) {
    for (const { number } of peer.take('send')) {
      sends += 1;
      peer.refuse(number, 310);
    }
    await rig.clock.advance(100);
  }
  assert.ok(sends > 2 && sends < 8, `${sends}`);
});
