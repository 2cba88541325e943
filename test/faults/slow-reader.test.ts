// A reader stops reading while a gigabyte is sent to its chats: the server's memory stays flat, others are not disturbed, and the reader catches up by pull with everything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '../../scripts/services/parley.ts';
import type { ToDevice, Unknown } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { type Account, seeded as seededAccounts } from '../e2e/accounts.ts';
import { helloOf } from '../e2e/device.ts';
import { Journal } from '../e2e/journal.ts';
import { RawClient } from '../e2e/raw-client.ts';
import { Pair } from './pair.ts';
import { atLeast, Seeded, seedOfRun } from './seeded.ts';

const megabyte = 1024 * 1024;
const floodMegabytes = atLeast('TEST_FLOOD_MEGABYTES', 1_024);
/** The same load with a reader that reads: what the stopped one is compared with. */
const warmUpMegabytes = 256;
const writerCount = 4;
/** How much more memory the server may use in the flood than it did while the reader still read: what garbage it makes is not collected at once. Had it kept what is not read, it would be eight times this. */
const growthBytesMax = 128 * megabyte;
/** Steady, so that what disturbs the pair is the stopped reader and not a disk that is written as fast as it goes. */
const megabytesPerSecond = 32;
const pairPerSecond = 50;
/** Or twice what it was while the reader read, under the same load. */
const pairP99MsMax = 500;

test(`a reader that stops reading while ${floodMegabytes} MB are sent to its chats costs no memory, disturbs nobody, and catches up`, async (t) => {
  const seeded = new Seeded(seedOfRun());
  t.diagnostic(`seed ${seeded.seed} (TEST_SEED=${seeded.seed} repeats its draws)`);
  const data = await mkdtemp(join(tmpdir(), 'parley-slow-'));
  const accounts = (await seededAccounts(data, writerCount + 3)).map(([account]) => account as Account);
  const [one, other, reading, ...writing] = accounts as [Account, Account, Account, ...Account[]];
  const parley = await Parley.start({ data, environment: { PARLEY_HEARTBEAT_MS: '600000' } });
  t.after(async () => {
    await parley.stop();
    await rm(data, { recursive: true, force: true });
  });
  const filling = Buffer.from(Array.from({ length: limits.bodyBytesMax }, () => seeded.below(256)));
  const reader = await Reader.connect(parley.socketUrl, reading, filling);
  const writers = await Promise.all(writing.map((account) => Writer.connect(parley.socketUrl, account, reading, filling)));
  const pair = await Pair.connect(parley.socketUrl, [one, other]);
  pair.start(pairPerSecond);

  // While the reader reads: what the same load costs without a stopped one.
  const memory = new Memory(parley.pid);
  await flood(writers, warmUpMegabytes);
  await reader.has(writers);
  const usual = { rss: memory.take(), pair: pair.quantiles() };

  reader.stopReading();
  const startedMs = performance.now();
  await flood(writers, floodMegabytes / 2);
  const firstHalf = memory.take();
  await flood(writers, floodMegabytes / 2);
  const stopped = { rss: memory.take(), pair: pair.quantiles() };
  const tookMs = performance.now() - startedMs;
  const pushedBefore = reader.count;

  const catchingUpMs = performance.now();
  reader.readOn();
  await reader.has(writers);
  const caughtUpMs = performance.now() - catchingUpMs;
  memory.stop();
  t.diagnostic(
    `${floodMegabytes} MB in ${(tookMs / 1_000).toFixed(1)} s; server RSS (its own, without mapped files) at most ${mb(usual.rss)} MB while the reader read, ${mb(firstHalf)} and ${mb(stopped.rss)} MB in the halves of the flood (bound: + ${mb(growthBytesMax)} MB)`,
  );
  t.diagnostic(`the pair beside it: ${JSON.stringify(usual.pair)} before, ${JSON.stringify(stopped.pair)} during the flood`);
  t.diagnostic(
    `the reader had ${pushedBefore} of ${reader.count} entries when it read on, was told ${reader.laggings} times that it lags, and caught up in ${(caughtUpMs / 1_000).toFixed(1)} s by ${reader.pulls} pulls`,
  );
  await pair.stop();

  assert(Math.max(firstHalf, stopped.rss) <= usual.rss + growthBytesMax, 'the server has kept what the reader did not read');
  assert(stopped.pair.p99Ms <= Math.max(pairP99MsMax, 2 * usual.pair.p99Ms), 'the pair was disturbed');
  assert(reader.laggings > 0 && reader.pulls > 0, 'the reader has not caught up by pull');
  assert(pushedBefore < reader.count / 2, 'the reader had not stopped reading');
  assert.equal(reader.count, ((warmUpMegabytes + floodMegabytes) * megabyte) / limits.bodyBytesMax);
  assert.deepEqual(parley.logged('error'), []);
});

async function flood(writers: readonly Writer[], megabytes: number): Promise<void> {
  const each = Math.round((megabytes * megabyte) / limits.bodyBytesMax / writers.length);
  await Promise.all(writers.map((writer) => writer.write(each, (megabytesPerSecond * megabyte) / limits.bodyBytesMax / writers.length)));
}

function mb(bytes: number): number {
  return Math.round(bytes / megabyte);
}

/** The memory of a process, looked at ten times a second. Its own alone: LevelDB maps its files, whose pages count as resident but are the system's cache, which it takes back as it likes. */
class Memory {
  readonly #timer: NodeJS.Timeout;
  #most = 0;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      const [, kilobytes] = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      this.#most = Math.max(this.#most, Number(kilobytes) * 1_024);
    }, 100);
  }

  /** The most since the last call. */
  take(): number {
    const most = this.#most;
    this.#most = 0;
    return most;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const openMax = 8;

/** Sends bodies of the largest size to one reader, no more open at a time than the protocol allows. */
class Writer {
  readonly chatId: ChatId;
  count = 0;
  readonly #client: RawClient;
  readonly #reader: Account;
  readonly #filling: Buffer;
  #open = 0;
  #last = 0;
  #wake: () => void = () => {};

  private constructor(client: RawClient, account: Account, reader: Account, filling: Buffer) {
    this.#client = client;
    this.#reader = reader;
    this.#filling = filling;
    this.chatId = directChatId(account.userId, reader.userId);
  }

  static async connect(url: string, account: Account, reader: Account, filling: Buffer): Promise<Writer> {
    let writer: Writer | undefined;
    const client = await RawClient.connect(url, { journal: new Journal(false), onFrame: (frame) => writer?.answered(frame) });
    writer = new Writer(client, account, reader, filling);
    client.tell(helloOf(account));
    return writer;
  }

  /** At that pace, or slower where the server does not answer in time. */
  async write(messages: number, perSecond: number): Promise<void> {
    const startedMs = performance.now();
    for (let nth = 0; nth < messages; nth += 1) {
      await delay(Math.max(0, startedMs + (nth * 1_000) / perSecond - performance.now()));
      while (this.#open >= openMax) await new Promise<void>((wake) => (this.#wake = wake));
      this.#send();
    }
    while (this.#open > 0) await new Promise<void>((wake) => (this.#wake = wake));
  }

  #send(): void {
    this.#open += 1;
    const body = Buffer.from(this.#filling);
    body.writeUInt32BE((this.count += 1), 0);
    const after = this.#last;
    this.#last = Math.max(after + 1, Date.now() * numbersPerMs);
    this.#client.tell({ kind: 'send', chatId: this.chatId, number: this.#last, after, contentType: 'application/octet-stream', body, peer: this.#reader.userId });
  }

  private answered(frame: ToDevice | Unknown): void {
    if (frame.kind === 'refused') throw new Error(`a writer was refused: ${frame.why}`);
    if (frame.kind !== 'sent') return;
    this.#open -= 1;
    this.#wake();
  }
}

/** Checks every entry that it is shown, keeps none, and pulls what was left out. */
class Reader {
  count = 0;
  laggings = 0;
  pulls = 0;
  readonly #client: RawClient;
  readonly #filling: Buffer;
  /** The last seq up to which it has all, by chat. */
  readonly #cursors = new Map<ChatId, number>();
  /** The highest that it has heard of. An entry may be pushed while a pull that ends before it is being answered, and be there first. */
  readonly #heard = new Map<ChatId, number>();
  #incarnation = '';
  #request = 0;
  #ping = 0;
  /** The pull that is under way; 0: none. */
  #pulling = 0;
  readonly #wanted = new Set<ChatId>();
  #wake: () => void = () => {};

  private constructor(client: RawClient, filling: Buffer) {
    this.#client = client;
    this.#filling = filling;
  }

  static async connect(url: string, account: Account, filling: Buffer): Promise<Reader> {
    let reader: Reader | undefined;
    const client = await RawClient.connect(url, { journal: new Journal(false), onFrame: (frame) => reader?.received(frame) });
    reader = new Reader(client, filling);
    client.tell(helloOf(account));
    return reader;
  }

  stopReading(): void {
    this.#client.pause();
  }

  readOn(): void {
    this.#client.resume();
  }

  /** Resolves when it has everything that they have written. */
  async has(writers: readonly Writer[]): Promise<void> {
    const wanted = writers.reduce((sum, { count }) => sum + count, 0);
    const startedMs = performance.now();
    while (this.count < wanted) {
      assert(performance.now() - startedMs < 120_000, `the reader has ${this.count} of ${wanted}`);
      await Promise.race([new Promise<void>((wake) => (this.#wake = wake)), delay(1_000)]);
    }
  }

  private received(frame: ToDevice | Unknown): void {
    switch (frame.kind) {
      case 'welcome':
        this.#incarnation = frame.incarnation;
        return;
      case 'entry':
        if (frame.seq === this.#cursor(frame.chatId) + 1) return this.#read(frame);
        this.#hears(frame.chatId, frame.seq);
        return this.#pull();
      case 'lagging': // once a pong shows that there is room
        this.laggings += 1;
        return this.#client.tell({ kind: 'ping', request: (this.#ping = this.#request += 1) });
      case 'pong':
        return frame.request === this.#ping ? this.#resume() : undefined;
      case 'moved':
        for (const { chatId, head } of frame.rows) this.#hears(chatId, head);
        return this.#pull();
      case 'entries':
        if (frame.request !== this.#pulling) return;
        for (const entry of frame.entries) if (entry.seq === this.#cursor(entry.chatId) + 1) this.#read(entry);
        if (frame.through >= frame.head && this.#cursor(frame.chatId) >= (this.#heard.get(frame.chatId) ?? 0)) this.#wanted.delete(frame.chatId);
        this.#pulling = 0;
        return this.#pull();
      case 'refused':
        throw new Error(`the reader was refused: ${frame.why}`);
    }
  }

  #cursor(chatId: ChatId): number {
    return this.#cursors.get(chatId) ?? 0;
  }

  #hears(chatId: ChatId, seq: number): void {
    if (seq <= this.#cursor(chatId)) return;
    this.#heard.set(chatId, Math.max(seq, this.#heard.get(chatId) ?? 0));
    this.#wanted.add(chatId);
  }

  /** Whatever was asked before may have been left out. */
  #resume(): void {
    this.#pulling = 0;
    const cursors = [...this.#cursors].map(([chatId, seq]) => ({ chatId, seq, receiptsVersion: 0 }));
    this.#client.tell({ kind: 'resume', request: (this.#request += 1), incarnation: this.#incarnation, cursors, last: true });
  }

  /** One at a time. */
  #pull(): void {
    const [chatId] = this.#wanted;
    if (this.#pulling > 0 || chatId === undefined) return;
    this.pulls += 1;
    this.#pulling = this.#request += 1;
    this.#client.tell({ kind: 'pull', request: this.#pulling, chatId, after: this.#cursor(chatId), upTo: 0, limit: limits.pullEntriesMax });
  }

  #read({ chatId, seq, entryKind, body }: Entry): void {
    this.#cursors.set(chatId, seq);
    if (entryKind !== entryKinds.message) return;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    assert.equal(bytes.readUInt32BE(0), seq - 1, 'another message stands there');
    assert(bytes.subarray(4).equals(this.#filling.subarray(4)), 'a body has changed');
    this.count += 1;
    this.#wake();
  }
}
