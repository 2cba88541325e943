// Whoever writes to a chat without a pause, whatever happens to the store, as an owner would, and what was acknowledged to it; and what its log must be in the end.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable, Superseded } from '../../src/store/faults.ts';
import type { CqlStores } from '../../src/store/stores.cql.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { appendOf, everything } from './samples.ts';

/** So that what happens to the store meanwhile gets its share of the machine. */
const restMs = 5;

/** Says a new thing until it is acknowledged, then the next: what was certainly not stored, or was superseded, it says under another tip after reading the log again. */
export class Writer {
  readonly chatId: ChatId;
  /** Seq → what it said there. */
  readonly acknowledged = new Map<number, string>();
  readonly #stores: CqlStores;
  #isOver = false;
  readonly #work: Promise<void>;

  constructor(stores: CqlStores, chatId: ChatId) {
    this.#stores = stores;
    this.chatId = chatId;
    this.#work = this.#write();
    this.#work.catch(() => undefined); // heard at the end
  }

  /** Resolves when what it said last is answered. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #write(): Promise<void> {
    const { messages } = this.#stores;
    let log: { readonly tip: number; readonly lastSeq: number } | undefined;
    while (!this.#isOver) {
      try {
        log ??= await messages.open(this.chatId);
        const tip = 1 + Math.floor(Math.random() * 2 ** 50);
        const body = `${tip}`;
        await messages.append(appendOf(this.chatId, { lastSeq: log.lastSeq, builtOn: log.tip, tip, body }));
        log = { tip, lastSeq: log.lastSeq + 1 };
        this.acknowledged.set(log.lastSeq, body);
        await delay(restMs);
      } catch (error) {
        if (!(error instanceof StoreUnavailable) && !(error instanceof Superseded)) throw error;
        log = undefined;
      }
    }
  }
}

/** Reads the end of a chat again and again, and asserts that a log that was seen to have so many entries shows all of them. */
export class Reader {
  reads = 0;
  #isOver = false;
  readonly #work: Promise<void>;

  constructor(stores: CqlStores, chatId: ChatId) {
    this.#work = this.#read(stores, chatId);
    this.#work.catch(() => undefined); // heard at the end
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #read({ messages }: CqlStores, chatId: ChatId): Promise<void> {
    let seen = 0;
    while (!this.#isOver) {
      try {
        const { lastSeq } = await messages.open(chatId);
        const entries = await messages.read(chatId, { ...everything, after: seen });
        assert.deepEqual(
          entries.map(({ seq }) => seq),
          entries.map((_, at) => seen + 1 + at),
        );
        assert.ok(seen + entries.length >= lastSeq, `only ${seen + entries.length} entries of ${lastSeq} are shown`);
        seen += entries.length;
        this.reads += 1;
        await delay(restMs);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
      }
    }
  }
}

/** The log is dense, each of its entries came with an append of its own, none stands twice, and all that was acknowledged stands where it was said to. */
export async function judgeLog(stores: CqlStores, writers: readonly Writer[]): Promise<void> {
  for (const chatId of new Set(writers.map((writer) => writer.chatId))) {
    const { spans, tip, lastSeq } = await stores.appendChain(chatId);
    const entries = await stores.messages.read(chatId, everything);
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      Array.from({ length: lastSeq }, (_, at) => at + 1),
    );
    const bodies = entries.map(({ body }) => Buffer.from(body).toString());
    assert.equal(new Set(bodies).size, bodies.length, 'doubled');
    for (const writer of writers) if (writer.chatId === chatId) for (const [seq, body] of writer.acknowledged) assert.equal(bodies[seq - 1], body, `entry ${seq} was acknowledged`);
    assert.deepEqual(
      spans.map(({ id }) => `${id}`),
      bodies,
      'each append stands whole, at one place',
    );
    assert.equal(tip, spans.at(-1)?.id);
  }
}
