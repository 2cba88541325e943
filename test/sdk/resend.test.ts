// What was sent goes again, under the same number, through lost connections, lost answers and restarts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, annPhone, answerPull, entry, greet, group, inGroup, rigOf, sentAs, seqs } from './rig.ts';

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
  for (const [at, { number }] of again.entries()) sentAs(next, number, 2 + at);
  await rig.clock.settle();
  assert.deepEqual([seqs(rig.heard('entry')), rig.client.pending()], [[1, 2, 3, 4], []]);
});

test('no answer for four seconds: the same is sent again on the same connection', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.advance(3_000);
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
  sentAs(next, (first[0] as { number: number }).number, 2);
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
  sentAs(peer, number, 3);
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
  sentAs(peer, number, 2);
  await rig.clock.settle();
  await rig.client.close();
  const again = await rigOf({ disk, clock: new FakeClock(rig.clock.nowMs() - 3_600_000) });
  const next = await again.connect({ serverTimeMs: again.clock.nowMs() });
  void again.client.chat(group).send('b');
  await again.clock.settle();
  assert.ok(next.one('send').number > number);
});

test('with another incarnation what was accepted but never seen in the log goes again', async () => {
  const { rig, peer } = await inGroup();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  const { number } = peer.one('send');
  sentAs(peer, number, 3);
  await rig.clock.settle();
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock, { incarnation: 'i2' });
  const again = rig.peer().one('send');
  assert.deepEqual([again.number, again.after], [number, 0]);
  assert.equal(rig.heard('sent').length, 1);
});
