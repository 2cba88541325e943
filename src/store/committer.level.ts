// Gathers the writes of all stores and chats while one commit is under way, and commits them as the next one: one write to the journal and one fdatasync for all of them.
import type { Clock } from '../structures/clock.ts';
import { Lru } from '../structures/lru.ts';
import { StoreFull, StoreUnavailable } from './faults.ts';
import { Group } from './group.level.ts';
import { type Home, isFull, type Report, reasonOf } from './home.level.ts';
import type { Journal, Segment } from './journal.level.ts';
import { numberBytes } from './keys.level.ts';
import { Recent } from './recent.level.ts';
import { readJournal } from './recovery.level.ts';
import { type Database, probeKey } from './schema.level.ts';
import { Spacing } from './spacing.level.ts';

/** What has been done since the start; plain numbers, for metrics. */
export interface Counts {
  /** One a commit. */
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
  readonly spacing?: Spacing;
  readonly onReport: (report: Report) => void;
  /** Of each file of the journal. */
  readonly journalBytes: number;
  /** After each commit. */
  readonly onCommit?: ((ms: number, operations: number) => void) | undefined;
  /** What was gathered upon a group that failed is void: whoever remembers anything of it must forget. Called before anybody hears of the failure. */
  readonly onFailure: () => void;
}

const groupOperationsMax = 8_192;
const groupBytesMax = 4 * 1024 * 1024;
const waitingBytesMax = 64 * 1024 * 1024;
/** Rows held, at about 250 bytes each. */
const keptMax = 20_000;
const spareMax = 4;
const spareBytesMax = 1024 * 1024;
const probeEveryMs = 1_000;
export class Committer {
  readonly counts: Counts = { fdatasyncs: 0, appends: 0, entries: 0, operations: 0, bytes: 0, lastCommitMs: 0 };
  readonly #options: CommitterOptions;
  readonly #home: Home;
  readonly #journal: Journal;
  readonly #recent: Recent;
  /** Rows that were written last, among them all that cannot be read from the database yet. */
  readonly #kept = new Lru<string, { readonly group: Group; readonly value: Buffer | undefined }>(keptMax, ({ group }) => group.isSettled);
  #waiting: Group[] = [];
  #writing: Group | undefined;
  #scheduled = false;
  /** Where former groups were written: new memory for each would make the garbage collector run for that alone. */
  readonly #spare: Buffer[] = [];
  readonly #spacing: Spacing;
  #trouble: { readonly fault: Error; readonly says: string } | undefined;
  #nextProbeMs = 0;
  #probing: Promise<void> | undefined;
  #closed = false;
  #lastNumber: number;

  private constructor(options: CommitterOptions, journal: Journal, lastNumber: number) {
    this.#options = options;
    this.#home = options.home;
    this.#journal = journal;
    this.#lastNumber = lastNumber;
    this.#spacing = options.spacing ?? new Spacing();
    this.#recent = new Recent({
      home: options.home,
      clock: options.clock,
      onTrouble: (fault) => this.#refuse(fault),
      fullness: () => journal.fullness,
      onFree: (segments) => {
        for (const segment of segments) journal.recycle(segment);
        if (this.#waiting.length > 0) this.#schedule();
      },
    });
  }

  /** Reads the journal, and puts what stands in it into the database. */
  static async open(options: CommitterOptions): Promise<Committer> {
    const { journal, segments, generation, number } = await readJournal(options);
    const committer = new Committer(options, journal, number);
    const isReady = await committer.#makeReady();
    if (!isReady) committer.#refuse(new StoreFull('the disk has too little room for the store to work'));
    if (generation.isEmpty) for (const segment of segments) journal.recycle(segment);
    else await committer.#recent.restore(segments, number, generation, isReady);
    return committer;
  }

  /** The ends of logs that are not in the database yet. */
  get recent(): Pick<Recent, 'tailsOf' | 'recordsOf' | 'whileReading'> {
    return this.#recent;
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
    const group = new Group(this.#spare.pop());
    this.#waiting.push(group);
    if (this.#writing === undefined) this.#schedule();
    return group;
  }

  /** The next commit begins at the end of this turn, or when the last one has begun long enough ago. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const waitMs = this.#closed ? 0 : this.#spacing.waitMs;
    if (waitMs > 0) this.#options.clock.after(waitMs, this.#begin);
    else this.#options.clock.soon(this.#begin);
  }

  /** The row as it will stand once all writes so far are durable: for who changes what it reads, within one turn. */
  look(key: Buffer): Buffer | undefined {
    const kept = this.#kept.get(key.toString('latin1'));
    return kept === undefined ? this.#home.database.getSync(key) : kept.value;
  }

  /** Writes a row that `look` must see from now on; no value: takes it away. For small ones: it is held in memory for a while. */
  keep(group: Group, key: Buffer, value: Buffer | undefined): void {
    if (value === undefined) group.del(key);
    else group.put(key, value);
    this.#kept.set(key.toString('latin1'), { group, value });
  }

  /** Resolves when the rows of all that is durable can be read from the database: for who did not wait for `applied` when writing them. */
  applied(): Promise<void> {
    return this.#recent.applied();
  }

  /** Why writes are refused; undefined while they are not. Asking is enough for the store to look whether it still must refuse. */
  trouble(): string | undefined {
    if (this.#trouble !== undefined && !this.#closed) this.#probeSometimes();
    return this.#trouble?.says;
  }

  /** Takes something of the database as it stands with every commit so far in it, and none that follows. */
  async snapshot<Value>(take: (database: Database) => Value): Promise<Value> {
    for (;;) {
      if (this.#trouble !== undefined) throw this.#trouble.fault;
      this.#recent.hurry();
      if (this.#recent.isSealed) await this.#recent.checkpoint();
      else if (this.#writing !== undefined) await this.#writing.durable.catch(() => {});
      else return this.#recent.snapshot(this.#seal(), this.#lastNumber, take);
    }
  }

  /** What waits is written first, and all of it put into the database. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#recent.hurry();
    await Promise.allSettled([this.#probing, this.#writing?.durable, ...this.#waiting.map(({ durable }) => durable)]);
    while (!this.#recent.isEmpty && this.#trouble === undefined) {
      if (!this.#recent.isSealed) this.#recent.seal(this.#seal(), this.#lastNumber);
      await this.#recent.checkpoint();
    }
    await this.#recent.close();
    await this.#journal.close();
  }

  readonly #begin = (): void => {
    this.#scheduled = false;
    const [group] = this.#waiting;
    if (group === undefined || this.#writing !== undefined || !this.#hasRoom(group)) return;
    this.#waiting.shift();
    this.#writing = group;
    this.#spacing.begin();
    if (group.operations === 0) return this.#finish(group, 0);
    const number = this.#lastNumber + 1;
    this.#journal.write(group.block.sealed(number), (error) => {
      if (error !== null) return void this.#fail(group, error);
      this.#lastNumber = number;
      this.#finish(group, this.#spacing.sinceMs);
    });
  };

  /** Goes on in the next file of the journal where this one is full. False while that must wait. */
  #hasRoom(group: Group): boolean {
    if (this.#journal.hasRoom(group.bytes)) return true;
    if (!this.#recent.isSealed) {
      const segments = this.#seal();
      if (segments.length > 0) this.#recent.seal(segments, this.#lastNumber);
      if (this.#journal.hasRoom(group.bytes)) return true;
      this.#refuse(new StoreFull('the disk has no room for the journal'));
    }
    this.#recent.hurry();
    if (this.#trouble !== undefined) this.#drop(this.#trouble.fault);
    return false;
  }

  /** The file of the journal that is full, if there is one and another to go on in. */
  #seal(): readonly Segment[] {
    const former = this.#journal.turn();
    return former ? [former] : [];
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
    this.#recent.take(group);
    const bytes = group.block.release();
    if (this.#spare.length < spareMax && bytes.byteLength <= spareBytesMax) this.#spare.push(bytes);
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** What has become of the group is unknown until its place could be written again. Those behind it were certainly not written. */
  async #fail(group: Group, error: Error): Promise<void> {
    const fault = isFull(error) ? new StoreFull('the disk is full', { cause: error }) : new StoreUnavailable('the disk cannot be written', { cause: error });
    this.#refuse(fault);
    this.#drop(fault);
    for (let isCut = false; !isCut && !this.#closed; ) {
      isCut = await this.#journal.cutOff().then(
        () => true,
        () => false,
      );
      if (!isCut) await new Promise<void>((resolve) => this.#options.clock.after(probeEveryMs, resolve));
      else group.fails(fault);
    }
    if (!group.isSettled) group.fails(new Error('the stores were closed before it was known whether a write had been stored', { cause: error }));
    this.#writing = undefined;
  }

  /** What waits is refused. */
  #drop(fault: Error): void {
    const dropped = this.#waiting;
    this.#waiting = [];
    this.#kept.clear();
    this.#options.onFailure();
    for (const group of dropped) group.fails(fault);
  }

  #refuse(fault: Error): void {
    const says = `Writes are refused: ${reasonOf(fault)}.${fault instanceof StoreFull ? ' Make room; the store notices within a second.' : ''}`;
    if (this.#trouble === undefined) this.#options.onReport({ level: 'error', says });
    this.#trouble = { fault, says };
    this.#nextProbeMs = this.#options.clock.nowMs() + probeEveryMs;
    if (this.#waiting.length > 0) this.#schedule();
  }

  #probeSometimes(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#nextProbeMs || this.#probing !== undefined || this.#writing !== undefined || this.#waiting.length > 0 || !this.#recent.isApplied) return;
    this.#nextProbeMs = nowMs + probeEveryMs;
    this.#probing = this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(): Promise<void> {
    try {
      if (!(await this.#makeReady()) || !(await this.#recent.checkpoint())) return;
      await this.#home.database.put(probeKey, numberBytes(this.#lastNumber), { sync: true });
    } catch (error) {
      if (this.#closed) return;
      await this.#home.reopen({ giveUpReserve: isFull(error) }).catch(() => {});
      return;
    }
    this.#trouble = undefined;
    this.#options.onReport({ level: 'info', says: 'Writes are taken again.' });
  }

  /** Whether there is room to work. */
  async #makeReady(): Promise<boolean> {
    if (!(await this.#home.takeReserves())) return false;
    try {
      await this.#journal.prepare();
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }
}
