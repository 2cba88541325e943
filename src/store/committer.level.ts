// Gathers the writes of all stores and chats while one batch is under way, and commits them as the next one: one fdatasync for all of them.
import type { AbstractChainedBatch } from 'abstract-level';
import type { Clock } from '../structures/clock.ts';
import { Lru } from '../structures/lru.ts';
import { StoreFull, StoreUnavailable } from './faults.ts';
import { type Home, isFull, type Report, reasonOf } from './home.level.ts';
import { numberBytes, readNumber } from './keys.level.ts';
import { type Database, groupKey, probeKey } from './schema.level.ts';

/** What has been done since the start; plain numbers, for metrics. */
export interface Counts {
  /** One a committed group. */
  fdatasyncs: number;
  appends: number;
  entries: number;
  operations: number;
  bytes: number;
  lastCommitMs: number;
}

export interface CommitterOptions {
  readonly home: Home;
  readonly clock: Clock;
  readonly onReport: (report: Report) => void;
  /** After each group. */
  readonly onCommit?: ((ms: number, operations: number) => void) | undefined;
  /** What was gathered upon a group that failed is void: whoever remembers anything of it must forget. Called before anybody hears of the failure. */
  readonly onFailure: () => void;
}

const groupOperationsMax = 8_192;
const groupBytesMax = 4 * 1024 * 1024;
const waitingBytesMax = 64 * 1024 * 1024;
/** Rows held, at about 250 bytes each. */
const keptMax = 20_000;
const probeEveryMs = 1_000;
/**
 * Two commits begin at least this far apart: under load the later one gathers more, and a commit costs as much as twenty appends. A lone append does not wait.
 */
const commitEveryMs = 4;
const durably = { sync: true } as const;

/** Writes that will be committed together. */
export class Group {
  readonly number: number;
  /** Resolves once all of it is durable; rejects with StoreFull or StoreUnavailable when certainly none of it is. */
  readonly durable: Promise<void>;
  operations = 0;
  bytes = 0;
  appends = 0;
  entries = 0;
  isSettled = false;
  readonly batch: AbstractChainedBatch<Database, Buffer, Buffer>;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(number: number, database: Database) {
    this.number = number;
    this.batch = database.batch();
    this.durable = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.durable.catch(() => {}); // those who wrote hear of it; nobody else needs to
  }

  /** Both are copied. */
  put(key: Buffer, value: Buffer): void {
    this.batch.put(key, value);
    this.operations += 1;
    this.bytes += key.byteLength + value.byteLength;
  }

  settle(error?: Error): void {
    this.isSettled = true;
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}

export class Committer {
  readonly counts: Counts = { fdatasyncs: 0, appends: 0, entries: 0, operations: 0, bytes: 0, lastCommitMs: 0 };
  readonly #options: CommitterOptions;
  readonly #home: Home;
  /** Rows that were written last, among them all that cannot be read from the database yet. */
  readonly #kept = new Lru<string, { readonly group: Group; readonly value: Buffer }>(keptMax, ({ group }) => group.isSettled);
  #waiting: Group[] = [];
  #writing: Group | undefined;
  #scheduled = false;
  /** When the last commit began, by the steady clock. */
  #begunMs = Number.NEGATIVE_INFINITY;
  #lastNumber: number;
  #trouble: { readonly fault: Error; readonly says: string } | undefined;
  #nextProbeMs = 0;
  #probing: Promise<void> | undefined;
  #closed = false;

  private constructor(options: CommitterOptions, lastNumber: number) {
    this.#options = options;
    this.#home = options.home;
    this.#lastNumber = lastNumber;
  }

  static async open(options: CommitterOptions): Promise<Committer> {
    const committer = new Committer(options, readNumber((await options.home.database.get(groupKey)) ?? numberBytes(0), 0));
    if (!(await options.home.takeReserves())) committer.#refuse(new StoreFull('the disk has too little room for the store to work'));
    return committer;
  }

  /**
   * The group that takes writes now. What is put into it within the same turn is committed together or not at all. Throws StoreFull or StoreUnavailable
   * while writes are refused.
   */
  gather(): Group {
    if (this.#closed) throw new StoreUnavailable('the stores are closed');
    if (this.#trouble !== undefined) {
      this.#probeSometimes();
      throw this.#trouble.fault;
    }
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.operations < groupOperationsMax && last.bytes < groupBytesMax) return last;
    if (this.#waiting.reduce((bytes, group) => bytes + group.bytes, 0) > waitingBytesMax) throw new StoreUnavailable(`more than ${waitingBytesMax} bytes wait to be written`);
    this.#lastNumber += 1;
    const group = new Group(this.#lastNumber, this.#home.database);
    this.#waiting.push(group);
    if (this.#writing === undefined) this.#schedule();
    return group;
  }

  /** The next commit begins at the end of this turn, or when the last one has begun long enough ago. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const begin = (): void => {
      this.#scheduled = false;
      this.#begin();
    };
    const waitMs = this.#closed ? 0 : this.#begunMs + commitEveryMs - performance.now();
    if (waitMs <= 0) this.#options.clock.soon(begin);
    else this.#options.clock.after(waitMs, begin);
  }

  /** The row as it will stand once all writes so far are durable: for who changes what it reads, within one turn. */
  look(key: Buffer): Buffer | undefined {
    return this.#kept.get(key.toString('latin1'))?.value ?? this.#home.database.getSync(key);
  }

  /** Writes a row that `look` must see from now on. For small ones: it is held in memory for a while. */
  keep(group: Group, key: Buffer, value: Buffer): void {
    group.put(key, value);
    this.#kept.set(key.toString('latin1'), { group, value });
  }

  /** Why writes are refused; undefined while they are not. Asking is enough for the store to look whether it still must refuse. */
  trouble(): string | undefined {
    if (this.#trouble !== undefined && !this.#closed) this.#probeSometimes();
    return this.#trouble?.says;
  }

  /** What waits is written first. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([this.#probing, this.#writing?.durable, ...this.#waiting.map(({ durable }) => durable)]);
  }

  #begin(): void {
    const group = this.#waiting.shift();
    if (group === undefined || this.#writing !== undefined) return;
    this.#writing = group;
    const startedMs = performance.now();
    this.#begunMs = startedMs;
    if (group.operations > 0) group.put(groupKey, numberBytes(group.number));
    group.batch.write(durably).then(
      () => this.#finish(group, performance.now() - startedMs),
      (error: unknown) => void this.#fail(group, error),
    );
  }

  #finish(group: Group, ms: number): void {
    this.#writing = undefined;
    if (group.operations > 0) {
      const { counts } = this;
      counts.fdatasyncs += 1;
      counts.appends += group.appends;
      counts.entries += group.entries;
      counts.operations += group.operations;
      counts.bytes += group.bytes;
      counts.lastCommitMs = ms;
      this.#options.onCommit?.(ms, group.operations);
    }
    group.settle();
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** What has become of the group is unknown until the database has been opened again and says so itself. Those behind it were certainly not written. */
  async #fail(group: Group, error: unknown): Promise<void> {
    const full = isFull(error);
    const fault = full ? new StoreFull('the disk is full', { cause: error }) : new StoreUnavailable('the disk cannot be written', { cause: error });
    this.#refuse(fault);
    const reopened = this.#home.reopen({ giveUpReserve: full });
    const behind = this.#waiting;
    this.#waiting = [];
    this.#kept.clear();
    this.#options.onFailure();
    for (const one of behind) one.settle(fault);
    try {
      await reopened;
      const last = readNumber((await this.#home.read((database) => database.get(groupKey))) ?? numberBytes(0), 0);
      group.settle(last >= group.number ? undefined : fault);
    } catch (cause) {
      group.settle(new Error('the stores were closed before it was known whether a write had been stored', { cause }));
    } finally {
      this.#writing = undefined;
    }
  }

  #refuse(fault: Error): void {
    const says = `Writes are refused: ${reasonOf(fault)}.${fault instanceof StoreFull ? ' Make room; the store notices within a second.' : ''}`;
    if (this.#trouble === undefined) this.#options.onReport({ level: 'error', says });
    this.#trouble = { fault, says };
    this.#nextProbeMs = this.#options.clock.nowMs() + probeEveryMs;
  }

  #probeSometimes(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#nextProbeMs || this.#probing !== undefined || this.#writing !== undefined) return;
    this.#nextProbeMs = nowMs + probeEveryMs;
    this.#probing = this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(): Promise<void> {
    try {
      if (!(await this.#home.takeReserves())) return;
      await this.#home.database.put(probeKey, numberBytes(this.#lastNumber), durably);
    } catch (error) {
      if (this.#closed) return;
      await this.#home.reopen({ giveUpReserve: isFull(error) }).catch(() => {});
      return;
    }
    this.#trouble = undefined;
    this.#options.onReport({ level: 'info', says: 'Writes are taken again.' });
  }
}
