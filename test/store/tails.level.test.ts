// The packs of a tail, which it knows as it grows: whole, dense, and of about the size that they should have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Block } from '../../src/store/journal-block.level.ts';
import { type Pack, packBytes } from '../../src/store/packs.level.ts';
import { behind, tipAt } from '../../src/store/records.level.ts';
import { Generation, type Tail } from '../../src/store/tails.level.ts';
import { chatOf } from './samples.ts';

const chatId = chatOf(1);

/** After appends of so many entries of so many bytes each; the tip of the nth is n. */
function tailOf(appends: readonly (readonly [entries: number, bytes: number])[]): Tail {
  const generation = new Generation();
  let seq = 1;
  for (const [nth, [entries, bytes]] of appends.entries()) {
    const block = new Block();
    block.append(
      chatId,
      seq,
      nth + 1,
      Array.from({ length: entries }, () => new Uint8Array(bytes).fill(nth)),
      undefined,
    );
    for (const appended of block.appends) generation.append(appended, block.bytes);
    seq += entries;
  }
  return generation.tails.get(chatId) as Tail;
}

/** Asserts that they are the tail's records, each with the seq and tip that its last record has. */
function assertWhole(tail: Tail, packs: readonly Pack[]): void {
  assert.deepEqual(Buffer.concat(packs.map(({ bytes }) => bytes)), tail.bytes);
  let seq = tail.firstSeq - 1;
  for (const [nth, pack] of packs.entries()) {
    let last = 0;
    let count = 0;
    for (let at = 0; at < pack.bytes.byteLength; at = behind(pack.bytes, at)) {
      last = at;
      count += 1;
    }
    seq += count;
    assert.deepEqual({ chatId, lastSeq: seq, count, tip: tipAt(pack.bytes, last) }, { chatId: pack.chatId, lastSeq: pack.lastSeq, count: pack.count, tip: pack.tip });
    const withoutLast = last;
    assert.ok(withoutLast < packBytes, 'it could have ended earlier');
    assert.ok(pack.bytes.byteLength >= packBytes || nth === packs.length - 1, 'it ended too early');
  }
  assert.equal(seq, tail.lastSeq);
}

for (const [name, appends] of [
  ['small appends', Array.from({ length: 1_000 }, () => [1, 200] as const)],
  ['appends of many entries, larger than a pack together', [[3, 100] as const, [256, 1_000] as const, [1, 100] as const, [2, 40_000] as const]],
  ['entries larger than a pack', [[1, 50_000] as const, [1, 100] as const, [1, 50_000] as const]],
  ['one entry', [[1, 10] as const]],
] as const) {
  test(`${name}: packs are what stands in the tail, and end as soon as they are full`, () => {
    const tail = tailOf(appends);
    assertWhole(tail, [...tail.packs(chatId)]);
  });

  test(`${name}: the same where a part is in the database already`, () => {
    const { lastSeq } = tailOf(appends);
    for (const seq of [1, Math.floor(lastSeq / 3), lastSeq - 1, lastSeq].filter((one) => one > 0)) {
      const tail = tailOf(appends);
      tail.dropUpTo(seq);
      assertWhole(tail, [...tail.packs(chatId)]);
    }
  });
}
