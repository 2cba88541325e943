// The embedded store on a disk that fills up: a real file system, small.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StoreFull } from '../../src/store/faults.ts';
import type { LevelStores, Report } from '../../src/store/stores.level.ts';
import { newDirectory, openLevel, reporting } from './level.ts';
import { ann, appendOf, chatOf, entryOf, everything, room } from './samples.ts';

const run = promisify(execFile);
const diskBytes = 24 * 1024 * 1024;
const small = { writeBufferBytes: 512 * 1024, reserveBytes: 2 * 1024 * 1024, journalBytes: 1024 * 1024 };
const body = new Uint8Array(2_000).map((_, at) => (at * at * 31) >> 3);

interface Kept {
  tip: number;
  lastSeq: number;
}

describe('the embedded store on a disk that fills up', () => {
  let mount: string;
  let stores: LevelStores | undefined;
  let reports: Report[];
  beforeEach(async () => {
    mount = await newDirectory();
    reports = [];
    await run('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', mount]).catch((error: Error) => {
      throw new Error(
        `This test needs a small file system of its own. Run it as root, or in a namespace that may mount: unshare --user --map-root-user --mount npm test. (${error.message.trim()})`,
      );
    });
  });
  afterEach(async () => {
    await stores?.close();
    stores = undefined;
    await run('umount', [mount]);
    await rm(mount, { recursive: true });
  });
  const data = () => join(mount, 'data');
  const start = async () => (stores = await openLevel(data(), { ...small, ...reporting(reports) }));

  /** Appends to 20 chats at once until each has been refused; keeps what was acknowledged. */
  async function fill({ messages }: LevelStores, chats: Map<number, Kept>): Promise<void> {
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const kept = chats.get(n) ?? { tip: 0, lastSeq: 0 };
        chats.set(n, kept);
        try {
          for (;;) {
            const tip = kept.tip + 1 + Math.floor(Math.random() * 1e9);
            await messages.append(appendOf(chatOf(100 + n), { lastSeq: kept.lastSeq, builtOn: kept.tip, tip, body }));
            kept.tip = tip;
            kept.lastSeq += 1;
          }
        } catch (error) {
          assert.ok(error instanceof StoreFull, `a full disk is refused as such: ${String(error)}`);
        }
      }),
    );
  }

  /** The last watermark that was acknowledged. */
  async function raiseUntilFull({ receipts }: LevelStores): Promise<number> {
    for (let delivered = 1; ; delivered += 1) {
      try {
        await receipts.raise(room, [{ userId: ann, delivered, read: 0 }], delivered);
      } catch (error) {
        assert.ok(error instanceof StoreFull, String(error));
        return delivered - 1;
      }
    }
  }

  /** Exactly what was acknowledged, no more and no less: a refusal means that it was certainly not stored. */
  async function check({ messages }: LevelStores, chats: ReadonlyMap<number, Kept>): Promise<void> {
    for (const [n, { tip, lastSeq }] of chats) {
      const log = await messages.open(chatOf(100 + n));
      assert.deepEqual([log.tip, log.lastSeq], [tip, lastSeq]);
      assert.deepEqual(
        (await messages.read(chatOf(100 + n), everything)).map(({ seq }) => seq),
        Array.from({ length: lastSeq }, (_, at) => at + 1),
      );
    }
  }

  /** Asks as a readiness probe does. */
  async function recovered({ trouble }: LevelStores): Promise<void> {
    for (let look = 0; trouble() !== undefined; look += 1) {
      assert.ok(look < 100, `still refusing 5 s after there was room: ${trouble()}`);
      await sleep(50);
    }
  }

  test('refuses with StoreFull, says why, goes on reading, takes writes again by itself once there is room, and has lost nothing', async () => {
    const fillers = [1, 2].map((n) => join(mount, `filler-${n}`));
    for (const filler of fillers) await writeFile(filler, Buffer.alloc(7 * 1024 * 1024, 1));
    const chats = new Map<number, Kept>();
    let opened = await start();
    for (const filler of fillers) {
      const [, receipt] = await Promise.all([fill(opened, chats), raiseUntilFull(opened)]);
      assert.match(opened.trouble() ?? '', /full|little room/);
      await Promise.all([opened.receipts.list(room), opened.inbox.rows(ann)]); // they answer, whatever they know by now
      await check(opened, chats);
      await assert.rejects(opened.messages.append(appendOf(room, { tip: 1 })), StoreFull);
      await assert.rejects(opened.users.create({ userId: ann, handle: 'ann', name: '', passwordHash: '', createdAtMs: 0 }), StoreFull);

      await rm(filler);
      await recovered(opened);
      assert.ok(((await opened.receipts.list(room))[0]?.delivered ?? 0) >= receipt);
      const before = [...chats.values()].reduce((sum, { lastSeq }) => sum + lastSeq, 0);
      await fill(opened, chats);
      assert.ok([...chats.values()].reduce((sum, { lastSeq }) => sum + lastSeq, 0) > before + 500, 'much was stored in the new room');
      await check(opened, chats);
    }
    await opened.close();
    opened = await start();
    await check(opened, chats);
    const says = reports.map((report) => `${report.level}: ${report.says}`);
    assert.ok(
      says.some((line) => /^error: Writes are refused: the disk is full/.test(line)),
      says.join('\n'),
    );
    assert.ok(
      says.some((line) => /^info: Writes are taken again/.test(line)),
      says.join('\n'),
    );
  });

  test('an append that was refused can be sent again as it was, and is stored once', async () => {
    const filler = join(mount, 'filler');
    await writeFile(filler, Buffer.alloc(12 * 1024 * 1024, 1));
    const opened = await start();
    const chats = new Map<number, Kept>();
    await fill(opened, chats);
    const append = { chatId: room, entries: [entryOf(room, 1, body)], builtOn: 0, tip: 7, fold: undefined };
    await assert.rejects(opened.messages.append(append), StoreFull);
    const rest = join(mount, 'rest'); // others take what is left, too
    await assert.rejects(writeFile(rest, Buffer.alloc(diskBytes, 1)), /ENOSPC/);
    await check(opened, chats);
    await assert.rejects(opened.messages.append(append), StoreFull);
    await rm(filler);
    await rm(rest);
    await recovered(opened);
    await opened.messages.append(append);
    await opened.messages.append(append);
    assert.equal((await opened.messages.read(room, everything)).length, 1);
  });

  test('opens on a disk that others have filled: what is there can be read, writes are refused until there is room', async () => {
    await mkdir(data());
    const first = await start();
    await first.messages.append(appendOf(room, { count: 3, tip: 7 }));
    await first.close();
    await rm(join(data(), 'reserve'));
    const filler = join(mount, 'filler');
    const { bavail, bsize } = await statfs(mount);
    await writeFile(filler, Buffer.alloc(bavail * bsize - small.reserveBytes, 1));
    const opened = await start();
    assert.match(opened.trouble() ?? '', /little room/);
    assert.equal((await opened.messages.read(room, everything)).length, 3);
    await assert.rejects(opened.messages.append(appendOf(room, { lastSeq: 3, builtOn: 7, tip: 8 })), StoreFull);
    await rm(filler);
    await recovered(opened);
    await opened.messages.append(appendOf(room, { lastSeq: 3, builtOn: 7, tip: 8 }));
  });
});
