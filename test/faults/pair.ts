// Two people who talk at a steady pace beside whatever else goes on: were they disturbed?
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import type { Account } from '../e2e/accounts.ts';
import { helloOf } from '../e2e/device.ts';
import { type Closed, RawClient } from '../e2e/raw-client.ts';

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One speaks, the other listens. Messages leave by the clock, whether those before were answered or not, so that a pause of the server shows in all of them. */
export class Pair {
  readonly #speaker: RawClient;
  readonly #listener: RawClient;
  readonly #accounts: readonly [Account, Account];
  /** When each was due, by its place; and how long it took to the listener. */
  readonly #dueMs: number[] = [];
  readonly #tookMs: number[] = [];
  readonly #talking = new AbortController();
  readonly #numbers: number[] = [];
  #acknowledged = 0;
  #talk: Promise<void> | undefined;
  #closed: Closed | undefined;
  readonly #refused: string[] = [];

  private constructor(accounts: readonly [Account, Account], speaker: RawClient, listener: RawClient) {
    this.#accounts = accounts;
    this.#speaker = speaker;
    this.#listener = listener;
  }

  static async connect(url: string, accounts: readonly [Account, Account]): Promise<Pair> {
    let pair: Pair | undefined;
    const speaker = await RawClient.connect(url, {
      onFrame(frame) {
        if (frame.kind === 'sent') pair?.sent(frame.number);
        if (frame.kind === 'refused') pair?.refused(frame.why);
      },
    });
    const listener = await RawClient.connect(url, { onFrame: (frame) => frame.kind === 'entry' && frame.number > 0 && pair?.heard(frame.number) });
    pair = new Pair(accounts, speaker, listener);
    for (const [at, client] of [speaker, listener].entries()) {
      client.tell(helloOf(accounts[at] as Account));
      void client.closed.then((closed) => pair?.closed(closed));
    }
    return pair;
  }

  /** Begins to speak, that many times a second. */
  start(perSecond: number): void {
    const [one, other] = this.#accounts;
    const chatId = directChatId(one.userId, other.userId);
    const startedMs = performance.now();
    this.#talk = (async () => {
      for (let nth = 0; this.#goesOn; nth += 1) {
        const dueMs = startedMs + (nth * 1_000) / perSecond;
        await delay(Math.max(0, dueMs - performance.now()));
        // As the protocol wants it, no more than so many are open: those that could not leave in time count from when they were due.
        while (this.#numbers.length - this.#acknowledged >= limits.openSendsPerChatMax && this.#goesOn) await delay(1);
        if (!this.#goesOn) return;
        const after = this.#numbers.at(-1) ?? 0;
        const number = Math.max(after + 1, Date.now() * numbersPerMs);
        this.#numbers.push(number);
        this.#dueMs.push(dueMs);
        this.#speaker.tell({ kind: 'send', chatId, number, after, contentType: 'text/plain', body: Buffer.from(`beside it all ${nth}`), peer: other.userId });
      }
    })();
  }

  get #goesOn(): boolean {
    return !this.#talking.signal.aborted && this.#closed === undefined;
  }

  /** Of the messages that were due since the last call. */
  quantiles(): Quantiles {
    const sorted = this.#tookMs.splice(0).sort((one, other) => one - other);
    const at = (share: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) / 10;
    return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  /** Stops speaking, waits for what is under way, and asserts that every message came, once, in order, on the one connection. */
  async stop(): Promise<void> {
    this.#talking.abort();
    await this.#talk;
    const startedMs = performance.now();
    while ((this.#heard < this.#numbers.length || this.#acknowledged < this.#numbers.length) && performance.now() - startedMs < 15_000) await delay(10);
    assert.deepEqual([this.#heard, this.#acknowledged, this.#refused, this.#closed], [this.#numbers.length, this.#numbers.length, [], undefined], 'the pair was disturbed');
    await Promise.all([this.#speaker.close(), this.#listener.close()]);
  }

  #heard = 0;

  private heard(number: number): void {
    assert.equal(number, this.#numbers[this.#heard], 'the pair heard a message out of its turn');
    this.#tookMs.push(performance.now() - (this.#dueMs[this.#heard] as number));
    this.#heard += 1;
  }

  private sent(number: number): void {
    assert.equal(number, this.#numbers[this.#acknowledged], 'the pair was answered out of turn');
    this.#acknowledged += 1;
  }

  private refused(why: string): void {
    this.#refused.push(why);
  }

  private closed(closed: Closed): void {
    if (!this.#talking.signal.aborted) this.#closed = closed;
  }
}
