// Packs that lie in files beside the database: found again, told from others, copied with it.
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { restoreLevel } from '../../src/store/backup.level.ts';
import { writePacks } from '../../src/store/pack-files.level.ts';
import { newDirectory, openLevel, random } from './level.ts';
import { appendOf, chatOf, everything } from './samples.ts';

const roomy = { journalBytes: 4 * 1024 * 1024 }; // else each file of the journal holds less than a file of packs
const chats = 8;
const entries = 600;
/** About 70 KB a chat: several packs each. */
const body = 'x'.repeat(64);

describe('packs in files', () => {
  let place: string;
  const at = (...names: string[]) => join(place, ...names);
  beforeEach(async () => {
    place = await newDirectory();
  });
  afterEach(() => rm(place, { recursive: true }));

  /** Writes as many again to each chat, and puts them away. */
  async function grow(lastSeq: number): Promise<void> {
    const stores = await openLevel(at('data'), roomy);
    for (let n = 0; n < chats; n += 1) {
      await stores.messages.append(appendOf(chatOf(n), { lastSeq, count: entries, builtOn: lastSeq, tip: lastSeq + entries, body: `${n} ${body}` }));
    }
    await stores.close();
  }

  async function check(directory: string, lastSeq: number): Promise<void> {
    const stores = await openLevel(directory);
    for (let n = 0; n < chats; n += 1) {
      assert.equal((await stores.messages.open(chatOf(n))).tip, lastSeq);
      for (const from of ['first', 'last'] as const) {
        const found = await stores.messages.read(chatOf(n), { ...everything, from });
        assert.deepEqual(
          found.map(({ seq }) => seq),
          Array.from({ length: lastSeq }, (_, index) => index + 1),
        );
        assert.ok(found.every((entry) => Buffer.from(entry.body).toString().startsWith(`${n} x`)));
      }
      const middle = await stores.messages.read(chatOf(n), { ...everything, after: 301, before: 305 });
      assert.deepEqual(
        middle.map(({ seq }) => seq),
        [302, 303, 304],
      );
    }
    await stores.close();
  }

  test('are read from both ends and from the middle, over several files, and by the database are only named', async () => {
    await grow(0);
    await grow(entries);
    assert.deepEqual(await readdir(at('data', 'packs')), ['1', '2']);
    await check(at('data'), 2 * entries);
    const sizes = await Promise.all(['1', '2'].map(async (name) => (await stat(at('data', 'packs', name))).size));
    assert.ok(
      sizes.every((size) => size > chats * entries * body.length),
      String(sizes),
    );
  });

  test('an append that stands in one is known again when it comes a second time', async () => {
    await grow(0);
    const stores = await openLevel(at('data'), roomy);
    await stores.messages.append(appendOf(chatOf(1), { lastSeq: 0, count: entries, builtOn: 0, tip: entries, body }));
    await stores.close();
  });

  test('a file that a crash left before any row named it is written over', async () => {
    await grow(0);
    await writeFile(at('data', 'packs', '2'), Buffer.alloc(3_000_000, 7));
    await grow(entries);
    await check(at('data'), 2 * entries);
  });

  test('one that could not be written whole leaves nothing behind', async () => {
    const packs = Array.from({ length: 20 }, (_, n) => Buffer.alloc(32 * 1024, n));
    const told: number[] = [];
    const failing = writePacks(at('packs'), 7, packs, async (bytes) => {
      told.push(bytes);
      if (told.length === 2) throw new Error('no space left on device');
    });
    await assert.rejects(failing, /no space left/);
    assert.deepEqual(told, [128 * 1024, 128 * 1024]);
    assert.deepEqual(await readdir(at('packs')), []);
  });

  test('other bytes than were written, or fewer, are never taken for entries', async () => {
    await grow(0);
    const file = at('data', 'packs', '1');
    const bytes = await readFile(file);
    for (const [damaged, says] of [
      [Buffer.concat([bytes.subarray(0, 5_000), Buffer.from([255 ^ (bytes[5_000] as number)]), bytes.subarray(5_001)]), /damaged at byte/],
      [bytes.subarray(0, 1_000), /damaged: it ends/],
    ] as const) {
      await writeFile(file, damaged);
      const stores = await openLevel(at('data'), roomy);
      await assert.rejects(stores.messages.read(chatOf(0), everything), says);
      await stores.close();
    }
  });

  test('go into a backup that is taken while more are written, and come back from it', async () => {
    await grow(0);
    const stores = await openLevel(at('data'), roomy);
    const more = stores.messages.append(appendOf(chatOf(99), { count: 5_000, tip: 9, body }));
    await stores.backup(at('backup'));
    await more;
    await stores.close();
    await restoreLevel({ from: at('backup'), directory: at('restored'), random });
    await check(at('restored'), entries);
  });

  test('a backup from which a file is gone is refused, not restored without what it held', async () => {
    await grow(0);
    await grow(entries);
    const stores = await openLevel(at('data'), roomy);
    await stores.backup(at('backup'));
    await stores.close();
    await rm(at('backup', 'packs', '1'));
    await assert.rejects(restoreLevel({ from: at('backup'), directory: at('restored'), random }), /not whole: file 1 .* of 2/);
    await rm(at('backup', 'packs'), { recursive: true });
    await assert.rejects(restoreLevel({ from: at('backup'), directory: at('restored'), random }), /not whole/);
    assert.ok(!(await readdir(at('restored'))).includes('db'));
  });
});
