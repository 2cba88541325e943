// Backups of the embedded store, taken while it is written to, and stores made from them.
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { backupLevel, restoreLevel } from '../../src/store/backup.level.ts';
import { StoreRefused } from '../../src/store/faults.ts';
import { levelOptions, newDirectory, openLevel, random } from './level.ts';
import { ann, appendOf, chatOf, everything, room } from './samples.ts';

describe('a backup of the embedded store', () => {
  let place: string;
  const at = (name: string) => join(place, name);
  beforeEach(async () => {
    place = await newDirectory();
  });
  afterEach(() => rm(place, { recursive: true }));

  test('holds what was acknowledged before it began, and of what is written meanwhile whole appends, in order', async () => {
    const stores = await openLevel(at('data'));
    const seqs = Array.from({ length: 20 }, () => 0);
    let isOver = false;
    const grow = async (n: number) => {
      while (!isOver) {
        const lastSeq = seqs[n] as number;
        await stores.messages.append(appendOf(chatOf(100 + n), { lastSeq, count: 3, builtOn: lastSeq, tip: lastSeq + 3, body: 'x'.repeat(200) }));
        seqs[n] = lastSeq + 3;
      }
    };
    await stores.messages.append(appendOf(room, { count: 3_000, tip: 9 }));
    const grown = Promise.all(seqs.map((_, n) => grow(n)));
    for (const name of ['first', 'second']) {
      const before = [...seqs];
      await stores.backup(at(name));
      const held = seqs.map((seq, n) => seq - (before[n] as number));
      assert.ok(
        held.some((more) => more > 0),
        'writes went on meanwhile',
      );
      const copy = await openLevel(at(name));
      for (const [n, seq] of before.entries()) {
        const entries = await copy.messages.read(chatOf(100 + n), everything);
        assert.deepEqual(
          entries.map((entry) => entry.seq),
          entries.map((_, index) => index + 1),
        );
        assert.ok(entries.length >= seq && entries.length % 3 === 0, `${entries.length} of ${seq}`);
        assert.equal((await copy.messages.open(chatOf(100 + n))).tip, entries.length);
      }
      assert.equal((await copy.messages.read(room, everything)).length, 3_000);
      await copy.close();
    }
    isOver = true;
    await grown;
    await stores.close();
  });

  test('of a store that is not running can be taken too; of one that is running only by itself', async () => {
    const stores = await openLevel(at('data'));
    await stores.messages.append(appendOf(room, { count: 3, tip: 9 }));
    await assert.rejects(backupLevel({ ...levelOptions(at('data')), to: at('backup') }), /in use by another process/);
    await stores.close();
    await backupLevel({ ...levelOptions(at('data')), to: at('backup') });
    const copy = await openLevel(at('backup'));
    assert.equal((await copy.messages.open(room)).lastSeq, 3);
    await copy.close();
  });

  test('restored, has everything under a new incarnation; the backup keeps its own', async () => {
    const stores = await openLevel(at('data'));
    await stores.messages.append(appendOf(room, { count: 3, tip: 9 }));
    await stores.users.create({ userId: ann, handle: 'ann', name: '', passwordHash: '', createdAtMs: 0 });
    await stores.backup(at('backup'));
    await stores.close();
    await mkdir(at('restored'));
    await restoreLevel({ from: at('backup'), directory: at('restored'), random });
    const restored = await openLevel(at('restored'));
    assert.equal((await restored.messages.read(room, everything)).length, 3);
    assert.equal((await restored.users.byHandle('ann'))?.userId, ann);
    assert.notEqual(restored.incarnation, stores.incarnation);
    await restored.messages.append(appendOf(room, { lastSeq: 3, builtOn: 9, tip: 10 }));
    await restored.close();
    const backup = await openLevel(at('backup'));
    assert.equal(backup.incarnation, stores.incarnation);
    assert.equal((await backup.messages.open(room)).lastSeq, 3);
    await backup.close();
  });

  test('never overwrites: neither backup nor restore touch a directory that is not empty', async () => {
    const stores = await openLevel(at('data'));
    await stores.backup(at('backup'));
    await mkdir(at('other'));
    await writeFile(join(at('other'), 'mine'), '');
    for (const to of ['backup', 'other', 'data']) await assert.rejects(stores.backup(at(to)), (error: Error) => error instanceof StoreRefused && /not empty/.test(error.message));
    await stores.close();
    for (const to of ['data', 'other']) await assert.rejects(restoreLevel({ from: at('backup'), directory: at(to), random }), /not empty/);
    assert.deepEqual(await readdir(at('other')), ['mine']);
  });

  test('restoring from a place that holds no backup says so and makes nothing', async () => {
    await mkdir(at('empty'));
    await assert.rejects(restoreLevel({ from: at('empty'), directory: at('restored'), random }), /holds no store/);
    assert.deepEqual(await readdir(place), ['empty']);
  });

  test('a data directory is not taken for a backup', async () => {
    await (await openLevel(at('data'))).close();
    await assert.rejects(restoreLevel({ from: at('data'), directory: at('restored'), random }), /not a backup/);
  });

  test('one that was cut short is not taken for a whole one, and the next attempt replaces it', async () => {
    const stores = await openLevel(at('data'));
    await mkdir(join(at('backup'), 'db.partial'), { recursive: true });
    await writeFile(join(at('backup'), 'db.partial', 'CURRENT'), 'cut short');
    await assert.rejects(restoreLevel({ from: at('backup'), directory: at('restored'), random }), /holds no store/);
    await stores.backup(at('backup'));
    await stores.close();
    assert.deepEqual(await readdir(at('backup')), ['db', 'packs']);
    await restoreLevel({ from: at('backup'), directory: at('restored'), random });
  });
});
