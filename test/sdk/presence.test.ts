// Typing, presence and focus: told rarely, forgotten in time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ann, bob, entry, greet, group, push, rigOf } from './rig.ts';

test('typing is told every few seconds while keys come, and taken back when they stop', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  const told: boolean[] = [];
  for (let at = 0; at < 70; at += 1) {
    rig.client.chat(group).typing();
    await rig.clock.advance(100);
  }
  told.push(...peer.take('typing').map(({ on }) => on));
  assert.deepEqual(told, [true, true, true]);
  await rig.clock.advance(5_000);
  assert.deepEqual(
    peer.take('typing').map(({ on }) => on),
    [false],
  );
});

test('a message that goes out ends typing without a frame of its own', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  rig.client.chat(group).typing();
  void rig.client.chat(group).send('a');
  await rig.clock.advance(6_000);
  assert.deepEqual(
    peer.take('typing').map(({ on }) => on),
    [true],
  );
});

test('somebody`s typing ends by itself, by word, or with the message', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  const typing = (on: boolean) => peer.say({ kind: 'typingBy', chatId: group, userId: bob, on, ttlMs: 6_000 });
  const said = () => rig.heard('typing').map(({ on }) => on);
  typing(true);
  await rig.clock.advance(4_000);
  typing(true);
  await rig.clock.advance(4_000);
  assert.deepEqual([said(), rig.client.chat(group).typists], [[true], [bob]]);
  await rig.clock.advance(2_000);
  assert.deepEqual([said(), rig.client.chat(group).typists], [[true, false], []]);
  typing(true);
  typing(false);
  typing(true);
  push(peer, entry(1));
  await rig.clock.settle();
  assert.deepEqual(said(), [true, false, true, false, true, false]);
});

test('whom it watches and what is open are told again after a reconnect; without a connection nobody is online', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  rig.client.watch([bob]);
  rig.client.chat(group).focus();
  assert.deepEqual([peer.one('watch').userIds, peer.one('focus').chatId], [[bob], group]);
  peer.say({ kind: 'presence', userId: bob, online: true, lastSeenMs: 5 }, { kind: 'presence', userId: ann, online: true, lastSeenMs: 5 });
  assert.deepEqual(rig.client.presenceOf(bob), { userId: bob, online: true, lastSeenMs: 5 });
  assert.equal(rig.client.presenceOf(ann), undefined, 'not watched');
  peer.events.closed(1006, '');
  assert.equal(rig.client.presenceOf(bob)?.online, false);
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  assert.deepEqual([rig.peer().one('watch').userIds, rig.peer().one('focus').chatId], [[bob], group]);
});
