// The embedded store under kill -9, with a torn log, and beside another process.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreRefused } from '../../src/store/faults.ts';
import { blockAt } from '../../src/store/journal-block.level.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import type { Report } from '../../src/store/stores.level.ts';
import { chatCount } from './appending.ts';
import { newDirectory, openLevel, random, reporting } from './level.ts';
import { appendOf, chatOf, everything, room } from './samples.ts';

const script = new URL('appending.ts', import.meta.url).pathname;
const rounds = 8;

describe('the embedded store', () => {
  let directory: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    directory = await newDirectory();
  });
  afterEach(async () => {
    await kill();
    await rm(directory, { recursive: true });
  });

  /** Starts the appending process; `acknowledged` fills as it speaks. Resolves when the store is open. */
  async function start(acknowledged: Map<number, number>): Promise<{ first: Promise<unknown>; over: Promise<unknown> }> {
    const started = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    const lines = createInterface({ input: started.stdout as NodeJS.ReadableStream });
    const over = once(lines, 'close');
    const isOpen = once(lines, 'line');
    await Promise.race([isOpen, over.then(() => assert.fail('the appending process ended before its store was open'))]);
    const first = once(lines, 'line');
    lines.on('line', (line) => {
      const [n, seq] = line.split(' ').map(Number) as [number, number];
      acknowledged.set(n, seq);
    });
    return { first, over };
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async function check(messages: MessageStore, acknowledged: ReadonlyMap<number, number>): Promise<number> {
    let total = 0;
    for (let n = 0; n < chatCount; n += 1) {
      const chatId = chatOf(n);
      const entries = await messages.read(chatId, everything);
      assert.deepEqual(
        entries.map(({ seq }) => seq),
        entries.map((_, at) => at + 1),
        'the log is dense',
      );
      const { lastSeq, fold } = await messages.open(chatId);
      assert.equal(lastSeq, entries.length);
      assert.ok((fold?.seq ?? 0) <= lastSeq, 'no fold is ahead of its log');
      assert.ok(lastSeq >= (acknowledged.get(n) ?? 0), `chat ${n}: entry ${acknowledged.get(n)} was acknowledged, the log ends at ${lastSeq}`);
      total += lastSeq;
    }
    return total;
  }

  test(`killed ${rounds} times at random instants while it appends, has every acknowledged entry, and dense logs`, async () => {
    const acknowledged = new Map<number, number>();
    let before = 0;
    for (let round = 0; round < rounds; round += 1) {
      const { first, over } = await start(acknowledged);
      await first;
      await sleep(random() * 250);
      await kill();
      await over;
      const stores = await openLevel(directory);
      const total = await check(stores.messages, acknowledged);
      await stores.close();
      assert.ok(total > before, 'each round has appended');
      before = total;
    }
    assert.ok((await readdir(join(directory, 'packs'))).length > 1, 'some of it lies in files of packs');
  });

  /** The file of the journal that was written to last, and where its last block ends. */
  async function endOfJournal(): Promise<{ path: string; end: number }> {
    const files = await Promise.all(
      (await readdir(join(directory, 'journal'))).map(async (name) => {
        const path = join(directory, 'journal', name);
        const bytes = await readFile(path);
        let [end, last] = [0, 0];
        for (let found = blockAt(bytes, 0, undefined); typeof found !== 'string'; found = blockAt(bytes, end, last + 1)) [end, last] = [found.next, found.number];
        return { path, end, last };
      }),
    );
    return files.sort((a, b) => b.last - a.last)[0] as { path: string; end: number };
  }

  /** Leaves the directory as a power cut would: what was synced, and nothing put in order. */
  async function appended(count: number): Promise<void> {
    const running = join(directory, 'running');
    const stores = await openLevel(running);
    for (let at = 0; at < count; at += 1) await stores.messages.append(appendOf(room, { lastSeq: at, builtOn: at, tip: at + 1 }));
    for (const name of ['journal', 'db']) await cp(join(running, name), join(directory, name), { recursive: true });
    await stores.close();
    await rm(running, { recursive: true });
  }

  for (const lost of [1, 5, 60, 300]) {
    test(`opens when the last ${lost} bytes of its write-ahead log are missing: what was written before them is there`, async () => {
      await appended(100);
      const { path, end } = await endOfJournal();
      const file = await open(path, 'r+');
      await file.truncate(end - lost);
      await file.close();
      const stores = await openLevel(directory);
      const { lastSeq, tip } = await stores.messages.open(room);
      assert.ok(lastSeq < 100 && lastSeq >= 100 - Math.ceil(lost / 100) - 1, `${lastSeq}`);
      assert.equal((await stores.messages.read(room, everything)).length, lastSeq);
      await stores.messages.append(appendOf(room, { lastSeq, builtOn: tip, tip: 1_000 }));
      await stores.close();
    });
  }

  test('opens when the end of its write-ahead log is garbled: what was written before is there, and it says so', async () => {
    await appended(100);
    const { path, end } = await endOfJournal();
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(20, 0xff), 0, 20, end - 40);
    await file.close();
    const reports: Report[] = [];
    const stores = await openLevel(directory, reporting(reports));
    assert.equal((await stores.messages.open(room)).lastSeq, 99);
    assert.equal((await stores.messages.read(room, everything)).length, 99);
    assert.match(reports.map(({ says }) => says).join(), /write-ahead log .* damaged/);
    await stores.close();
  });

  test('does not open while another process has it, names the directory and says what to do; the other goes on', async () => {
    const acknowledged = new Map<number, number>();
    const { first, over } = await start(acknowledged);
    await first;
    await assert.rejects(openLevel(directory), (error: Error) => {
      assert.ok(error instanceof StoreRefused);
      assert.ok(error.message.includes(directory) && error.message.includes(`process ${child?.pid}`) && error.message.includes('PARLEY_DATA'), error.message);
      return true;
    });
    await kill();
    await over;
    const stores = await openLevel(directory);
    await check(stores.messages, acknowledged);
    await stores.close();
  });
});
