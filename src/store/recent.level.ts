// What is durable in the journal and on its way into the database: rows go there at once, entries when their file of the journal is full.

import type { Clock, Timer } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import { type Checkpoint, checkpoint } from './checkpoint.level.ts';
import { StoreFull, StoreUnavailable } from './faults.ts';
import type { Group } from './group.level.ts';
import { type Home, isFull } from './home.level.ts';
import type { Segment } from './journal.level.ts';
import type { Row } from './journal-block.level.ts';
import type { Records } from './records.level.ts';
import type { Database } from './schema.level.ts';
import { Generation, type Tail } from './tails.level.ts';

export interface RecentOptions {
  readonly home: Home;
  readonly clock: Clock;
  /** The database cannot be written. No new writes must be taken; what is in the journal is safe. */
  onTrouble(fault: Error): void;
  /** What they held is in the database. */
  onFree(segments: readonly Segment[]): void;
  /** How full the file of the journal is that is being written, from 0 to 1. */
  fullness(): number;
}

interface Sealed {
  readonly generation: Generation;
  readonly number: number;
  readonly segments: readonly Segment[];
}

const mendEveryMs = 1_000;
/** Rows that nobody waits for go into the database together, after at most so long or so many: a write of its own for each commit costs more than all else about a receipt. */
const gatherMs = 100;
const gatherRowsMax = 1_000;
const pauseMs = 8;
/** A checkpoint rests only while it is so many times as far as the file that follows is full: that one must not have to wait for it. */
const leadMin = 2;
const rowsAtOnce = 1_000;

export class Recent {
  readonly #options: RecentOptions;
  #current: Generation;
  #sealed: Sealed | undefined;
  /** Durable groups whose rows are not in the database yet. */
  #unapplied: Group[] = [];
  #unappliedRows = 0;
  #applying: Promise<void> | undefined;
  /** Until then `#unapplied` gathers. */
  #gathering: Timer | undefined;
  #isMending = false;
  /** Who waits for rows, and not for the database to be mended. */
  #readers: (() => void)[] = [];
  #checkpointing: Promise<void> | undefined;
  /** The last job with the database: one at a time, in order. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Somebody waits for the checkpoint. */
  #hurried = false;
  #stopPause: () => void = () => {};
  #readings = 0;

  constructor(options: RecentOptions) {
    this.#options = options;
    this.#current = new Generation();
  }

  /** The ends of a log that are not in the database, older first. */
  tailsOf(chatId: ChatId): readonly Tail[] {
    const older = this.#sealed?.generation.tails.get(chatId);
    const newer = this.#current.tails.get(chatId);
    if (older === undefined) return newer === undefined ? none : [newer];
    return newer === undefined ? [older] : [older, newer];
  }

  /** The same as records, in order. */
  recordsOf(chatId: ChatId): readonly Records[] {
    return this.tailsOf(chatId).flatMap(({ parts }) => parts);
  }

  /** For who uses tails beyond the turn in which it found them: while `read` is under way they keep their bytes. */
  async whileReading<Value>(read: () => Promise<Value>): Promise<Value> {
    this.#readings += 1;
    try {
      return await read();
    } finally {
      this.#readings -= 1;
    }
  }

  get isEmpty(): boolean {
    return this.#current.isEmpty && this.#sealed === undefined;
  }

  get isSealed(): boolean {
    return this.#sealed !== undefined;
  }

  get isApplied(): boolean {
    return this.#unapplied.length === 0 && this.#applying === undefined;
  }

  /** A group that is durable now. */
  take(group: Group): void {
    const { appends, rows, bytes } = group.block;
    for (const appended of appends) this.#current.append(appended, bytes);
    for (const row of rows) this.#current.write(row);
    group.stands();
    if (rows.length === 0 && this.isApplied) return group.isApplied();
    this.#unapplied.push(group);
    this.#unappliedRows += rows.length;
    group.hurry = this.#applyNow;
    if (group.isAwaited || this.#unappliedRows >= gatherRowsMax) this.#applyNow();
    else this.#gathering ??= this.#options.clock.after(gatherMs, this.#applyNow);
  }

  /** Resolves when the rows of all that was taken so far can be read from the database, or cannot be written to it: a full disk must not keep anybody from reading what is there. */
  applied(): Promise<void> {
    this.#applyNow();
    const applying = this.#applying;
    if (applying === undefined || this.#isMending) return Promise.resolve();
    return new Promise((resolve) => {
      this.#readers.push(resolve);
      void applying.then(resolve);
    });
  }

  /** What was taken so far goes into the database; `number` is the last commit of it. Only while nothing is sealed. */
  seal(segments: readonly Segment[], number: number): void {
    this.#applyNow(); // before the checkpoint, whose rows they must not replace by older ones
    this.#sealed = { generation: this.#current, number, segments };
    this.#current = new Generation(this.#current);
    void this.checkpoint();
  }

  /** What was found in the journal goes into the database before anything else; where there is too little room for that, its rows alone, since they are read from there. */
  async restore(segments: readonly Segment[], number: number, generation: Generation, hasRoom: boolean): Promise<void> {
    this.#sealed = { generation, number, segments };
    this.#hurried = true;
    if (hasRoom) await this.checkpoint();
    else await this.#inTurn((database) => writeInParts(database, [...generation.rows.values()])).catch((error: unknown) => this.#mend(error));
  }

  /** Makes the checkpoint that is under way, if one is, go as fast as it can. */
  hurry(): void {
    if (this.#sealed === undefined) return;
    this.#hurried = true;
    this.#stopPause();
  }

  /** Tries what is sealed again, if anything is. Resolves with whether nothing is any more. */
  async checkpoint(): Promise<boolean> {
    this.#checkpointing ??= this.#checkpoint().finally(() => {
      this.#checkpointing = undefined;
    });
    await this.#checkpointing;
    return this.#sealed === undefined;
  }

  /** Seals what was taken so far, and when the database stands exactly there, takes something of it. Only while nothing is sealed. */
  async snapshot<Value>(segments: readonly Segment[], number: number, take: (database: Database) => Value): Promise<Value> {
    if (segments.length === 0 && this.#current.isEmpty) return this.#inTurn((database) => Promise.resolve(take(database)));
    this.#applyNow();
    const sealed: Sealed = { generation: this.#current, number, segments };
    this.#sealed = sealed;
    this.#current = new Generation();
    // All in one turn with the database: rows of later commits wait.
    const whole = this.#inTurn(async (database) => {
      await checkpoint({ ...sealed, isOutdated: () => false }, this.#options.home.packs, (job) => job(database));
      return take(database);
    });
    this.#checkpointing = whole
      .then(
        () => this.#free(sealed),
        (error: unknown) => this.#mend(error),
      )
      .finally(() => {
        this.#checkpointing = undefined;
      });
    return whole;
  }

  /** Waits for what is under way, so that the database can be closed. */
  async close(): Promise<void> {
    await this.applied();
    this.#closed = true;
    await this.#checkpointing;
    await this.#last.catch(() => {});
  }

  async #checkpoint(): Promise<void> {
    const sealed = this.#sealed;
    if (sealed === undefined) return;
    const what: Checkpoint = { ...sealed, isOutdated: (key) => this.#current.rows.has(key) };
    try {
      await checkpoint(what, this.#options.home.packs, (job, done) => this.#paced(job, done));
      this.#free(sealed);
    } catch (error) {
      await this.#mend(error);
    }
  }

  #free({ segments, generation }: Sealed): void {
    this.#sealed = undefined;
    this.#hurried = false;
    this.#options.onFree(segments);
    // Who reads now may have found its tails; who comes later cannot.
    if (this.#readings === 0) generation.release(this.#options.clock);
  }

  readonly #applyNow = (): void => {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (this.#unapplied.length > 0) this.#applying ??= this.#apply();
  };

  async #apply(): Promise<void> {
    while (this.#unapplied.length > 0) {
      const groups = this.#unapplied;
      this.#unapplied = [];
      this.#unappliedRows = 0;
      try {
        await this.#inTurn((database) =>
          writeRows(
            database,
            groups.flatMap(({ block }) => block.rows),
          ),
        );
      } catch (error) {
        await this.#mend(error); // which writes them
      }
      for (const group of groups) group.isApplied();
    }
    this.#applying = undefined;
    this.#readers = [];
  }

  /** A failed write leaves the database closed to all others: it is opened again, and gets the rows of the journal, which it may have lost or never had. */
  async #mend(error: unknown): Promise<void> {
    if (this.#closed) return;
    this.#isMending = true;
    for (const goOn of this.#readers.splice(0)) goOn();
    await this.#mendDatabase(error);
    this.#isMending = false;
  }

  async #mendDatabase(error: unknown): Promise<void> {
    const full = isFull(error);
    this.#options.onTrouble(full ? new StoreFull('the disk is full', { cause: error }) : new StoreUnavailable('the disk cannot be written', { cause: error }));
    const { home, clock } = this.#options;
    await this.#alone(async () => {
      for (let giveUpReserve = full; !this.#closed; ) {
        try {
          await home.reopen({ giveUpReserve });
          for (const generation of [this.#sealed?.generation, this.#current]) if (generation !== undefined) await writeInParts(home.database, [...generation.rows.values()]);
          return;
        } catch (cause) {
          giveUpReserve = isFull(cause);
          await new Promise<void>((resolve) => clock.after(mendEveryMs, resolve));
        }
      }
    });
  }

  /** A batch, and a pause if there is time for one. */
  async #paced(job: (database: Database) => Promise<void>, done: number): Promise<void> {
    await this.#inTurn(job);
    if (this.#hurried || done < leadMin * this.#options.fullness()) return;
    await new Promise<void>((resolve) => {
      this.#stopPause = resolve;
      this.#options.clock.after(pauseMs, resolve);
    });
  }

  #inTurn<Value>(job: (database: Database) => Promise<Value>): Promise<Value> {
    return this.#alone(() => job(this.#options.home.database));
  }

  #alone<Value>(job: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(job, job);
    this.#last = done;
    done.catch(() => {});
    return done;
  }
}
const none: readonly Tail[] = [];

/** Not synced: the journal holds them until a checkpoint has written them durably. */
async function writeRows(database: Database, rows: readonly Row[]): Promise<void> {
  const batch = database.batch();
  for (const { key, value } of rows) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write();
}

async function writeInParts(database: Database, rows: readonly Row[]): Promise<void> {
  for (let at = 0; at < rows.length; at += rowsAtOnce) await writeRows(database, rows.slice(at, at + rowsAtOnce));
}
