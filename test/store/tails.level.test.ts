// The packs of a tail, which it knows as it grows: whole, dense, and of about the size that they should have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Block } from '../../src/store/journal-block.level.ts';
import { type Pack, packBytes } from '../../src/store/packs.level.ts';
import { behind, tipAt } from '../../src/store/records.level.ts';
import { tailPartBytesMax } from '../../src/store/tail-part.level.ts';
import { Generation, type Tail } from '../../src/store/tails.level.ts';
import { chatOf } from './samples.ts';

const chatId = chatOf(1);

/** After appends of so many entries of so many bytes each; the tip of the nth is n. */
function tailOf(appends: Appends): Tail {
  return generationOf(appends).tails.get(chatId) as Tail;
}

type Appends = readonly (readonly [entries: number, bytes: number])[];

function generationOf(appends: Appends): Generation {
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
  return generation;
}

/** Asserts that they are the tail's records, each with the seq and tip that its last record has. */
function assertWhole(tail: Tail, packs: readonly Pack[]): void {
  assert.deepEqual(Buffer.concat(packs.map(({ bytes }) => bytes)), Buffer.concat(tail.parts.map(({ bytes }) => bytes)));
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
    assert.ok(pack.bytes.byteLength >= packBytes || tail.parts.some(({ lastSeq }) => lastSeq === seq), 'it ended too early');
    assert.ok(nth < packs.length - 1 || seq === tail.lastSeq);
  }
  assert.equal(seq, tail.lastSeq);
}

for (const [name, appends] of [
  ['small appends', Array.from({ length: 1_000 }, () => [1, 200] as const)],
  ['appends of many entries, larger than a pack together', [[3, 100] as const, [256, 1_000] as const, [1, 100] as const, [2, 40_000] as const]],
  ['entries larger than a pack', [[1, 50_000] as const, [1, 100] as const, [1, 50_000] as const]],
  ['one entry', [[1, 10] as const]],
  ['more than a part holds', Array.from({ length: 60 }, (_, nth) => [nth % 7 === 0 ? 200 : 1, 1_000] as const)],
  ['appends larger than a part', [[1, 10] as const, [40, 50_000] as const, [1, 10] as const, [1, 3_000_000] as const, [2, 10] as const]],
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

test('a tail that grows beyond a part leaves what it has where it is, and its parts follow each other', () => {
  const tail = tailOf(Array.from({ length: 500 }, () => [50, 200] as const));
  assert.ok(tail.parts.length >= 5 && tail.parts.length <= 8, `${tail.parts.length}`);
  assert.equal(
    tail.byteLength,
    tail.parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
  );
  let next = tail.firstSeq;
  for (const { firstSeq, lastSeq, bytes } of tail.parts) {
    assert.equal(firstSeq, next);
    assert.ok(bytes.byteLength <= tailPartBytesMax);
    next = lastSeq + 1;
  }
  assert.equal(next, tail.lastSeq + 1);
});

test('a tail of a generation after one that was as large has room for as much and a quarter more from the beginning', () => {
  const before = generationOf(Array.from({ length: 100 }, () => [1, 200] as const));
  const after = new Generation(before);
  const block = new Block();
  block.append(chatId, 1, 1, [new Uint8Array(200)], undefined);
  for (const appended of block.appends) after.append(appended, block.bytes);
  const [part] = (after.tails.get(chatId) as Tail).parts;
  assert.equal(part?.bytes.buffer.byteLength, Math.floor(1.25 * (before.tails.get(chatId) as Tail).byteLength));
});
