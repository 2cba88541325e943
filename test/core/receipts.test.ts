// Watermarks only rise, are never ahead of the log, and unread is arithmetic on the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinedSeqs } from '../../src/core/members.ts';
import { noReceipts, raised, receiptsOf, watermarkOf } from '../../src/core/receipts.ts';
import { add, ann, bob, chatOf, eve, mark, only, person, post, remove, take, userOf } from './builders.ts';

test('what is read has been delivered', () => {
  assert.deepEqual(watermarkOf(raised(noReceipts, ann.userId, { delivered: 0, read: 5 }), ann.userId), { delivered: 5, read: 5 });
});

test('a lower or equal mark changes nothing', () => {
  const receipts = raised(noReceipts, ann.userId, { delivered: 9, read: 5 });
  assert.equal(raised(receipts, ann.userId, { delivered: 8, read: 5 }), receipts);
});

test('marks in any order, doubled or late, end at the same place, never fall, and the version rises with each rise', () => {
  const marks = fc.array(fc.record({ user: fc.integer({ min: 1, max: 3 }), delivered: fc.nat(50), read: fc.nat(50) }), { maxLength: 40 });
  fc.assert(
    fc.property(marks, fc.infiniteStream(fc.nat()), (all, order) => {
      const shuffled = [...all, ...all].map((one) => ({ one, key: order.next().value as number })).sort((a, b) => a.key - b.key);
      let receipts = noReceipts;
      for (const { one } of shuffled) {
        const next = raised(receipts, userOf(one.user), one);
        const [was, is] = [watermarkOf(receipts, userOf(one.user)), watermarkOf(next, userOf(one.user))];
        assert.ok(is.delivered >= was.delivered && is.read >= was.read && is.read <= is.delivered);
        assert.equal(next.version > receipts.version, next !== receipts);
        receipts = next;
      }
      const inOrder = all.reduce((now, one) => raised(now, userOf(one.user), one), noReceipts);
      assert.deepEqual(receipts.version, inOrder.version);
      for (const user of [1, 2, 3]) assert.deepEqual(watermarkOf(receipts, userOf(user)), watermarkOf(inOrder, userOf(user)));
      assert.deepEqual(receiptsOf([...receipts.byUser].map(([userId, one]) => ({ userId, ...one }))), receipts);
    }),
  );
});

test('a mark beyond the log counts as its last entry', () => {
  const { state } = take(chatOf(ann, bob), post(ann, { number: 1 }), mark(bob, { delivered: 1_000, read: 500 }));
  assert.deepEqual(watermarkOf(state.receipts, bob.userId), { delivered: 2, read: 2 });
});

test('a rise is made durable, then told to all members of a small chat', () => {
  const { effects } = take(chatOf(ann, bob), post(ann, { number: 1 }), mark(bob, { delivered: 2 }));
  assert.deepEqual(effects, [
    { kind: 'raise', userId: bob.userId, delivered: 2, read: 1, version: 5 },
    { kind: 'receipt', userId: bob.userId, deviceId: bob.deviceId, mark: { delivered: 2, read: 1 }, version: 5, to: [ann.userId, bob.userId] },
  ]);
});

test('in a large chat a receipt goes to the own devices alone', () => {
  const crowd = Array.from({ length: 40 }, (_, n) => person(100 + n));
  const { effects } = take(chatOf(ann, ...crowd), mark(ann, { read: 2 }));
  assert.deepEqual(
    only(effects, 'receipt').map(({ to }) => to),
    [[ann.userId]],
  );
});

test('whoever was removed does not tell the members how far they have read', () => {
  const { effects } = take(chatOf(ann, bob, eve), remove(ann, { number: 1 }, bob), mark(bob, { read: 2 }));
  assert.deepEqual(
    only(effects, 'receipt').map(({ to }) => to),
    [[bob.userId]],
  );
});

test('who comes in has read what stood before, so that unread counts from there', () => {
  const { state, effects } = take(chatOf(ann, bob), post(ann, { number: 1 }), add(ann, { number: 2, after: 1 }, eve));
  assert.deepEqual(watermarkOf(state.receipts, eve.userId), { delivered: 3, read: 3 });
  assert.deepEqual(
    only(effects, 'raise').map(({ userId, read }) => [userId, read]),
    [[eve.userId, 3]],
  );
});

test('so have they when the mark that says so was never kept', () => {
  const { state } = take(chatOf(ann, bob), post(ann, { number: 1 }), add(ann, { number: 2, after: 1 }, eve));
  const woken = receiptsOf([{ userId: ann.userId, delivered: 2, read: 2 }], joinedSeqs(state.members));
  assert.deepEqual(watermarkOf(woken, eve.userId), { delivered: 3, read: 3 });
  assert.deepEqual(watermarkOf(woken, ann.userId), { delivered: 2, read: 2 });
  assert.equal(woken.version, 3 + 3 + 2 + 2 + 1 + 1);
});

test('whoever comes back keeps the higher of both marks', () => {
  const start = take(chatOf(ann, bob), post(ann, { number: 1 }), mark(bob, { read: 2 }), remove(ann, { number: 2, after: 1 }, bob));
  const { state } = take(start.state, post(ann, { number: 3, after: 2 }), add(ann, { number: 4, after: 3 }, bob));
  assert.deepEqual(watermarkOf(state.receipts, bob.userId), { delivered: 5, read: 5 });
});

test('a stranger marks nothing', () => {
  assert.deepEqual(take(chatOf(ann, bob), mark(eve, { delivered: 1, read: 1 })).effects, []);
});

test('unread is the countable entries after the read one: changes of membership do not count', () => {
  const { entries } = take(chatOf(ann, bob), post(ann, { number: 1 }), add(ann, { number: 2, after: 1 }, eve), post(ann, { number: 3, after: 2 }), post(bob, { number: 1 }));
  assert.deepEqual(
    entries.map(({ countable }) => countable),
    [1, 1, 2, 3],
  );
  const unreadAfter = (read: number) => (entries.at(-1)?.countable ?? 0) - (entries.find(({ seq }) => seq === read)?.countable ?? 0);
  assert.deepEqual([2, 3, 4, 5].map(unreadAfter), [2, 2, 1, 0]);
});
