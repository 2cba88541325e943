// A resend never makes a second entry, whenever it comes, and what one device sends stands in the order in which it was sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, fromPlain, highestOf, judge, noResends, type Resends, toPlain } from '../../src/core/resends.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { ann, bob, chatOf, deviceOf, noon, only, person, post, take, whyRefused } from './builders.ts';

const phone = deviceOf(1);
const ringMax = 16;
const recentMax = 32;

/** After these numbers of one device were accepted, at seqs 101, 102 … */
function after(numbers: readonly number[], start: Resends = noResends): Resends {
  return numbers.reduce((resends, number, at) => accepted(resends, phone, number, 101 + at), start);
}

/** After that many other devices have written. */
function crowd(resends: Resends, count: number): Resends {
  let next = resends;
  for (let n = 0; n < count; n += 1) next = accepted(next, deviceOf(5_000 + n), 1, 500 + n);
  return next;
}

test('a number above the highest is fresh, whatever lies between', () => {
  assert.deepEqual(judge(noResends, phone, 10, 0), { kind: 'fresh' });
  assert.deepEqual(judge(after([10]), phone, 999, 10), { kind: 'fresh' });
});

test('a resend of any of the last sixteen is known with its seq', () => {
  const numbers = Array.from({ length: ringMax }, (_, at) => (at + 1) * 10);
  const resends = after(numbers);
  numbers.forEach((number, at) => assert.deepEqual(judge(resends, phone, number, 0), { kind: 'known', seq: 101 + at }));
});

test('a number that was passed while the ring remembers everything was never stored', () => {
  assert.deepEqual(judge(after([10, 30]), phone, 20, 10), { kind: 'numberPassed' });
  assert.deepEqual(judge(after([10, 30]), phone, 5, 0), { kind: 'numberPassed' });
});

test('what lies below a full ring is settled: the log alone knows', () => {
  const resends = after(Array.from({ length: ringMax + 1 }, (_, at) => (at + 1) * 10));
  assert.deepEqual(judge(resends, phone, 10, 0), { kind: 'settled' });
  assert.deepEqual(judge(resends, phone, 5, 0), { kind: 'settled' });
  assert.deepEqual(judge(resends, phone, 20, 0), { kind: 'known', seq: 102 });
  assert.deepEqual(judge(resends, phone, 25, 20), { kind: 'numberPassed' });
});

test('a send whose predecessor has not arrived is out of order, and is told how far the chat has come', () => {
  assert.deepEqual(judge(noResends, phone, 20, 10), { kind: 'outOfOrder', highest: 0 });
  assert.deepEqual(judge(after([10]), phone, 30, 20), { kind: 'outOfOrder', highest: 10 });
  assert.deepEqual(judge(after([10, 20]), phone, 30, 20), { kind: 'fresh' });
});

test('a device that others have crowded out keeps its highest number', () => {
  const resends = crowd(after([10, 20]), recentMax);
  assert.equal(highestOf(resends, phone), 20);
  assert.deepEqual(judge(resends, phone, 20, 10), { kind: 'settled' });
  assert.deepEqual(judge(resends, phone, 30, 20), { kind: 'fresh' });
  assert.deepEqual(judge(resends, phone, 40, 30), { kind: 'outOfOrder', highest: 20 });
});

test('a device that was crowded out and writes again never hears of a stored number that it was passed', () => {
  // numberPassed would make it send the same message again under a new number: twice in the log.
  const resends = accepted(crowd(after([10, 20]), recentMax), phone, 30, 900);
  assert.deepEqual(judge(resends, phone, 10, 0), { kind: 'settled' });
  assert.deepEqual(judge(resends, phone, 20, 10), { kind: 'settled' });
  assert.deepEqual(judge(resends, phone, 25, 20), { kind: 'numberPassed' });
  assert.deepEqual(judge(resends, phone, 30, 20), { kind: 'known', seq: 900 });
});

test('kept and read again, the rings judge as before', () => {
  const resends = accepted(crowd(after([10, 20]), recentMax), phone, 30, 900);
  const again = fromPlain(toPlain(resends));
  assert.deepEqual(toPlain(again), toPlain(resends));
  for (const number of [5, 10, 15, 20, 25, 30, 35]) assert.deepEqual(judge(again, phone, number, 0), judge(resends, phone, number, 0));
});

test('entries that the server adds of itself have number 0 and count for no device', () => {
  assert.equal(accepted(noResends, phone, 0, 1), noResends);
});

test('a resend gets the first answer again, changes nothing and is pushed to nobody', () => {
  const first = take(chatOf(ann, bob), post(ann, { number: 1 }));
  const again = take(first.state, post(ann, { number: 1 }));
  assert.equal(again.state, first.state);
  assert.deepEqual(again.effects, [{ kind: 'resent', to: ann, number: 1, seq: 2, state: first.state }]);
});

test('a send under number 0 is invalid', () => {
  assert.equal(whyRefused(take(chatOf(ann, bob), post(ann, { number: 0 }))), 'invalid');
  assert.equal(whyRefused(take(chatOf(ann, bob), post(ann, { number: 5 }), post(ann, { number: 0 }))), 'invalid');
});

test('a number more than a day ahead of the server says that the clock is off; one within the day is taken', () => {
  const last = (noon + limits.clockAheadMsMax) * numbersPerMs;
  assert.equal(whyRefused(take(chatOf(ann, bob), post(ann, { number: last + 1 }))), 'clockOff');
  assert.equal(whyRefused(take(chatOf(ann, bob), post(ann, { number: last }))), undefined);
});

test('numbers belong to a device: another device of the same user starts anew', () => {
  const { effects } = take(chatOf(ann, bob), post(ann, { number: 9 }), post(person(1, 2), { number: 3 }));
  assert.equal(only(effects, 'sent')[0]?.seq, 3);
});

test('what the device will act on for good is checked against the store before it leaves', () => {
  const written = take(chatOf(ann, bob), post(ann, { number: 10 }), post(ann, { number: 30, after: 10 })).state;
  for (const command of [post(ann, { number: 20, after: 10 }), post(ann, { number: 50, after: 40 })]) {
    assert.deepEqual(
      take(written, command).effects.map(({ kind }) => kind),
      ['check', 'refused'],
    );
  }
  const crowded = Array.from({ length: recentMax }, (_, n) => post(person(2, 10 + n), { number: 1 }));
  const { effects } = take(written, ...crowded, post(ann, { number: 10 }));
  assert.deepEqual(
    effects.map(({ kind }) => kind),
    ['check', 'refused'],
  );
});
