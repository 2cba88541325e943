// The journal of the embedded store: what is read is the same wherever it lies just now, and what a crash leaves is read as it was.
import assert from 'node:assert/strict';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StoreRefused } from '../../src/store/faults.ts';
import { Journal } from '../../src/store/journal.level.ts';
import { Block, blockAt, operationsOf } from '../../src/store/journal-block.level.ts';
import type { Range } from '../../src/store/messages.ts';
import type { LevelStores, Report } from '../../src/store/stores.level.ts';
import { draws } from '../sim/random.ts';
import { newDirectory, openLevel } from './level.ts';
import { appendOf, chatOf } from './samples.ts';

const segmentBytes = 32 * 1024;
const chats = 6;

describe('the journal of the embedded store', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await newDirectory();
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('a log reads the same from journal, memory and database, in both directions, before and after opening again', async () => {
    const drawn = draws(7);
    const upTo = (max: number): number => drawn.whole(0, max);
    let stores: LevelStores = await openLevel(directory, { journalBytes: segmentBytes });
    const bodies: string[][] = Array.from({ length: chats }, () => []);
    let reads = 0;
    for (let round = 0; round < 1_500; round += 1) {
      const n = upTo(chats - 1);
      const log = bodies[n] as string[];
      const count = 1 + upTo(3);
      const body = `${round} `.repeat(1 + upTo(60));
      await stores.messages.append(appendOf(chatOf(n), { lastSeq: log.length, count, builtOn: log.length, tip: log.length + count, body }));
      for (let more = 0; more < count; more += 1) log.push(body);
      if (round % 400 === 399) {
        await stores.close();
        stores = await openLevel(directory, { journalBytes: segmentBytes });
      }
      const after = upTo(log.length);
      const range: Range = {
        after,
        before: after + 1 + upTo(log.length + 3),
        limit: 1 + upTo(40),
        bytesMax: upTo(1) === 0 ? 1_000_000 : upTo(4_000),
        from: upTo(1) === 0 ? 'first' : 'last',
      };
      const entries = await stores.messages.read(chatOf(n), range);
      assert.deepEqual(
        entries.map(({ seq, body: read }) => [seq, Buffer.from(read).toString()]),
        expected(log, range),
        `round ${round}: ${JSON.stringify(range)}`,
      );
      reads += entries.length;
    }
    assert.ok(reads > 5_000, `${reads} entries were compared`);
    await stores.close();
  });

  /** What stands in an array, by the words of the port. */
  function expected(log: readonly string[], { after, before, limit, bytesMax, from }: Range): [number, string][] {
    const all = log.map((body, at): [number, string] => [at + 1, body]).filter(([seq]) => seq > after && seq < before);
    if (from === 'last') all.reverse();
    const some: [number, string][] = [];
    let bytes = 0;
    for (const row of all.slice(0, limit)) {
      bytes += Buffer.byteLength(row[1]);
      if (bytes > bytesMax && some.length > 0) break;
      some.push(row);
    }
    return from === 'last' ? some.reverse() : some;
  }

  async function opened(done: number, reports: Report[] = []): Promise<{ journal: Journal; keys: string[]; segments: number }> {
    const keys: string[] = [];
    const options = { directory, segmentBytes, onReport: (report: Report) => void reports.push(report) };
    const { journal, segments } = await Journal.open(options, done, ({ payload }) => {
      for (const operation of operationsOf(payload)) if ('key' in operation) keys.push(operation.key.toString());
    });
    return { journal, keys, segments: segments.length };
  }

  async function write(journal: Journal, from: number, to: number): Promise<void> {
    for (let number = from; number <= to; number += 1) {
      const block = new Block();
      block.put(Buffer.from(`row ${number}`), Buffer.alloc(500));
      if (!journal.hasRoom(block.byteLength)) {
        const former = journal.turn();
        if (former !== undefined) journal.recycle(former); // as if it were in the database
      }
      await new Promise<void>((resolve, reject) => journal.write(block.sealed(number), (error) => (error === null ? resolve() : reject(error))));
    }
  }

  test('what an earlier use of a file has left behind is not taken for commits', async () => {
    const { journal } = await opened(0);
    await journal.prepare();
    await write(journal, 1, 200); // several times through both files
    await journal.close();
    const { keys, journal: again, segments } = await opened(180);
    assert.deepEqual(
      keys,
      Array.from({ length: 20 }, (_, at) => `row ${at + 181}`),
    );
    assert.equal(segments, 2);
    await again.close();
  });

  test('files whose commits are all in the database have nothing to tell', async () => {
    const { journal } = await opened(0);
    await journal.prepare();
    await write(journal, 1, 100);
    await journal.close();
    const reports: Report[] = [];
    const { keys, journal: again } = await opened(100, reports);
    assert.deepEqual([keys, reports], [[], []]);
    await again.close();
  });

  test('a commit that is missing from the middle is refused, whatever stands behind it', async () => {
    const { journal } = await opened(0);
    await journal.prepare();
    await write(journal, 1, 100);
    await journal.close();
    const first = await firstFile();
    const file = await open(first.path, 'r+');
    await file.write(Buffer.alloc(4, 0xff), 0, 4, first.secondBlockAt + 40);
    await file.close();
    await assert.rejects(opened(first.number - 1), (error: Error) => error instanceof StoreRefused && /damaged: after commit \d+ comes \d+.*backup/.test(error.message));
  });

  /** Of the two files the one with the older commits. */
  async function firstFile(): Promise<{ path: string; number: number; secondBlockAt: number }> {
    const names = await readdir(join(directory, 'journal'));
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(directory, 'journal', name);
        const found = blockAt(await readFile(path), 0, undefined);
        assert.ok(typeof found !== 'string');
        return { path, number: found.number, secondBlockAt: found.next };
      }),
    );
    return files.sort((a, b) => a.number - b.number)[0] as { path: string; number: number; secondBlockAt: number };
  }

  test('a file that was being made when the power went is made again', async () => {
    await mkdir(join(directory, 'journal'), { recursive: true });
    await writeFile(join(directory, 'journal', 'partial'), Buffer.alloc(10));
    const { journal } = await opened(0);
    await journal.prepare();
    await write(journal, 1, 3);
    await journal.close();
    const { keys, journal: again } = await opened(0);
    assert.deepEqual(keys, ['row 1', 'row 2', 'row 3']);
    await again.close();
    assert.deepEqual((await readdir(join(directory, 'journal'))).sort(), ['1', '2']);
  });
});
