// The writes of all stores and chats go to the disk together, and nobody hears of success before they are there.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { logKey } from '../../src/store/keys.level.ts';
import type { LevelStores } from '../../src/store/stores.level.ts';
import { newDirectory, openLevel } from './level.ts';
import { ann, appendOf, chatOf, everything, room } from './samples.ts';

describe('the committer of the embedded store', () => {
  let directory: string;
  let stores: LevelStores;
  let commits: number[];
  beforeEach(async () => {
    commits = [];
    directory = await newDirectory();
    stores = await openLevel(directory, { headsMax: 30, onCommit: (_, operations) => void commits.push(operations) });
  });
  afterEach(async () => {
    await stores.close();
    await rm(directory, { recursive: true });
  });

  test('writes what comes in one turn with one fdatasync, whatever store and chat it is for', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => stores.messages.open(chatOf(n)))); // so that no append has to look first
    await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => stores.messages.append(appendOf(chatOf(n), { count: 2, tip: 1 }))),
      stores.receipts.raise(room, [{ userId: ann, delivered: 1, read: 1 }], 1),
      stores.users.create({ userId: ann, handle: 'ann', name: '', passwordHash: '', createdAtMs: 0 }),
    ]);
    const { fdatasyncs, appends, entries } = stores.counts;
    assert.deepEqual([fdatasyncs, appends, entries, commits.length], [1, 20, 40, 1]);
    assert.equal(commits[0], stores.counts.operations);
  });

  test('gathers while a batch is under way and writes all of it as the next one', async () => {
    await stores.messages.append(appendOf(room, { tip: 1 }));
    await Promise.all(Array.from({ length: 500 }, (_, at) => stores.messages.append(appendOf(room, { lastSeq: at + 1, builtOn: at + 1, tip: at + 2 }))));
    assert.ok(stores.counts.fdatasyncs <= 3, `${stores.counts.fdatasyncs}`);
  });

  test('cuts what waits into groups of bounded size, and keeps the order', async () => {
    const body = new Uint8Array(60_000);
    await Promise.all(Array.from({ length: 300 }, (_, at) => stores.messages.append(appendOf(room, { lastSeq: at, builtOn: at, tip: at + 1, body }))));
    assert.ok(commits.length >= 4, `${commits}`);
    assert.equal((await stores.messages.read(room, everything)).length, 300);
  });

  test('refuses what would make it hold more than it may, which is then certainly not stored', async () => {
    await stores.messages.open(room);
    const body = new Uint8Array(1024 * 1024);
    const results = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => stores.messages.append(appendOf(room, { lastSeq: at, builtOn: at, tip: at + 1, body }))));
    const stored = results.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(stored >= 60 && stored < 80, `${stored}`);
    assert.ok(results.some((result) => result.status === 'rejected' && result.reason instanceof StoreUnavailable));
    assert.equal((await stores.messages.open(room)).lastSeq, stored);
  });

  test('holds the heads of few chats and still appends to many at once, without ever giving a seq twice', async () => {
    const chats = Array.from({ length: 200 }, (_, n) => chatOf(100 + n));
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        chats.flatMap((chatId) =>
          [0, 1].map((more) => {
            const lastSeq = 2 * round + more;
            return stores.messages.append(appendOf(chatId, { lastSeq, builtOn: lastSeq, tip: lastSeq + 1 }));
          }),
        ),
      );
    }
    for (const chatId of chats)
      assert.deepEqual(
        (await stores.messages.read(chatId, everything)).map(({ seq }) => seq),
        Array.from({ length: 10 }, (_, at) => at + 1),
      );
  });

  test('finishes what is under way before it closes, and refuses what comes after', async () => {
    const work = stores.messages.append(appendOf(room, { tip: 1 }));
    await stores.messages.open(room);
    const last = stores.messages.append(appendOf(room, { lastSeq: 1, builtOn: 1, tip: 2 }));
    const closed = stores.close();
    await assert.rejects(stores.messages.append(appendOf(room, { lastSeq: 2, builtOn: 2, tip: 3 })), StoreUnavailable);
    await Promise.all([work, last, closed]);
    await assert.rejects(stores.messages.open(chatOf(77)), StoreUnavailable);
    stores = await openLevel(directory);
    assert.equal((await stores.messages.open(room)).lastSeq, 2);
  });

  test('a log with a hole is called damaged, not passed on', async () => {
    for (const [lastSeq, count] of [
      [0, 4],
      [4, 1],
      [5, 4],
    ] as const) {
      await stores.messages.append(appendOf(room, { lastSeq, count, builtOn: lastSeq, tip: lastSeq + count }));
      await stores.close(); // puts a pack into the database
      stores = await openLevel(directory);
    }
    await stores.close();
    const database = new ClassicLevel<Buffer, Buffer>(join(directory, 'db'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await database.del(logKey(room, 5));
    await database.close();
    stores = await openLevel(directory);
    await assert.rejects(stores.messages.read(room, everything), /damaged: after 4 comes 6/);
  });
});
