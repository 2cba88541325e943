// What a client does about a send that is refused for good, or too old for a plain answer: nothing is told that may not be so, and nothing else is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/protocol/limits.ts';
import { Refused } from '../../src/sdk/faults.ts';
import { ann, annPhone, entry, group, inGroup, push, sentAs, texts } from './rig.ts';

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
  sentAs(peer, again.number, 2);
  await rig.clock.settle();
  assert.deepEqual(rig.client.pending(), []);
});

test('refused for good while another copy is still to be answered: nothing is told until that has been, or has not been for long', async () => {
  for (const answered of [true, false]) {
    const { rig, peer } = await inGroup({ policy: { sendTimeoutMs: 1_000 } });
    const fate = rig.client
      .chat(group)
      .send('a')
      .then(
        ({ seq }) => `stands at ${seq}`,
        (error: Refused) => error.why,
      );
    await rig.clock.settle();
    const { number } = peer.one('send');
    await rig.clock.advance(1_000); // given up, and sent again
    assert.equal(peer.one('send').number, number);
    peer.refuse(number, 300);
    await rig.clock.advance(900);
    assert.deepEqual([rig.heard('refused'), rig.client.pending().length, peer.take('send')], [[], 1, []]);
    if (answered) sentAs(peer, number, 2);
    await rig.clock.advance(100);
    assert.equal(await fate, answered ? 'stands at 2' : 'noSuchChat');
    assert.deepEqual(rig.client.pending(), []);
  }
});

test('one that was refused for good, but not surely, is asked about again where the connection ends', async () => {
  const { rig, peer } = await inGroup({ policy: { sendTimeoutMs: 1_000 } });
  void rig.client
    .chat(group)
    .send('a')
    .catch(() => undefined);
  await rig.clock.advance(1_000);
  const [first, second] = peer.take('send');
  assert.equal(first?.number, second?.number);
  peer.refuse(first?.number ?? 0, 300);
  peer.events.closed(1006, '');
  const next = await rig.connect();
  assert.equal(next.one('send').number, first?.number);
  next.refuse(first?.number ?? 0, 300);
  await rig.clock.settle();
  assert.deepEqual([rig.heard('refused').length, rig.client.pending()], [1, []]);
});

test('what stands behind one that is refused for good does not wait for what that one had waited for', async () => {
  const { rig, peer } = await inGroup({ random: () => 0 });
  for (const text of ['a', 'b', 'c'])
    void rig.client
      .chat(group)
      .send(text)
      .catch(() => undefined);
  await rig.clock.settle();
  for (let round = 0; round < 8; round += 1) {
    for (const { number } of peer.take('send')) peer.refuse(number, 101, { retryAfterMs: 200 });
    while (!peer.kinds().includes('send')) await rig.clock.advance(50);
  }
  for (let left = 3; left > 0; left -= 1) {
    const [first, ...behind] = peer.take('send');
    assert.equal(1 + behind.length, left);
    peer.refuse(first?.number ?? 0, 301);
    for (const { number } of behind) peer.refuse(number, 312, { highest: 0 });
    await rig.clock.settle();
  }
  assert.deepEqual(rig.client.pending(), []);
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

test('settled: an item whose entry comes while it is looked for is there, and no other one is lost', async () => {
  const { rig, peer } = await inGroup();
  for (const text of ['a', 'b']) void rig.client.chat(group).send(text);
  await rig.clock.settle();
  const [a, b] = peer.take('send').map(({ number }) => number) as [number, number];
  peer.refuse(b, 311);
  await rig.clock.settle();
  const { request } = peer.one('history');
  const stands = entry(2, { author: ann, device: annPhone, number: b, atMs: rig.clock.nowMs() });
  push(peer, stands);
  await rig.clock.settle();
  peer.say({ kind: 'entries', request, chatId: group, from: 1, through: 2, head: 2, entries: [entry(1, { atMs: rig.clock.nowMs() }), stands] });
  await rig.clock.settle();
  assert.deepEqual(
    rig.client.pending().map(({ number }) => number),
    [a],
  );
  await rig.clock.advance(4_000);
  assert.deepEqual(
    peer.take('send').map(({ number }) => number),
    [a],
  );
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
