// Reads of the database that many ask for at once, as when many devices come back. A single row is read at once, as long as that takes little, as it does in memory; where rows
// must come from the disk, and for all larger reads, other threads read, a few at a time, since the journal is written by the same ones, and single rows a bunch at a time.
import { Queue } from '../structures/queue.ts';
import { StoreUnavailable } from './faults.ts';
import type { Home } from './home.level.ts';
import type { Database } from './schema.level.ts';

/** libuv has four threads: what is to be durable never waits for what is only read. */
const atOnceMax = 2;
/** Of the time of the event loop, which reads of rows may take; where they take more, because rows come from the disk, others read. */
const shareMax = 0.1;
/** So much may be taken at once. */
const burstMs = 2;
/** Rows that are read together. */
const bunchMax = 64;
/** Rows and other reads, each; one more is refused. */
const waitingMax = 100_000;

interface Asked {
  readonly key: Buffer;
  readonly resolve: (value: Buffer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class Reads {
  readonly #home: Home;
  readonly #soon: (run: () => void) => void;
  readonly #nowMs: () => number;
  /** What reads within turns have taken beyond their share, as of when. */
  #takenMs = 0;
  #asOfMs = 0;
  readonly #waiting = new Queue<() => Promise<void>>();
  #underWay = 0;
  #rows: Asked[] = [];
  /** Their read waits, or will at the end of this turn. */
  #gathering = false;
  /** Rows come before larger reads, of which thousands may wait, but take one of the threads at most. */
  #rowsNext = false;
  #rowsUnderWay = false;

  /** `soon` runs its argument at the end of this turn of the event loop. `nowMs` measures how long reads take, within a turn. */
  constructor(home: Home, soon: (run: () => void) => void, nowMs: () => number = () => performance.now()) {
    this.#home = home;
    this.#soon = soon;
    this.#nowMs = nowMs;
  }

  /** The row as the database has it, some time after the call. Rejects with StoreUnavailable. */
  get(key: Buffer): Promise<Buffer | undefined> {
    const nowMs = this.#nowMs();
    this.#takenMs = Math.max(0, this.#takenMs - (nowMs - this.#asOfMs) * shareMax);
    this.#asOfMs = nowMs;
    if (this.#takenMs > burstMs) return this.#getElsewhere(key);
    try {
      return Promise.resolve(this.#home.database.getSync(key));
    } catch {
      return this.#getElsewhere(key); // which waits while the database is being opened again, and says what is wrong with it
    } finally {
      this.#takenMs += this.#nowMs() - nowMs;
    }
  }

  #getElsewhere(key: Buffer): Promise<Buffer | undefined> {
    if (this.#rows.length >= waitingMax) return Promise.reject(new StoreUnavailable(`more than ${waitingMax} rows wait to be read`));
    return new Promise((resolve, reject) => {
      this.#rows.push({ key, resolve, reject });
      if (this.#gathering) return;
      this.#gathering = true;
      this.#soon(this.#gather);
    });
  }

  /** In its turn. Rejects as `look` does, and with StoreUnavailable. */
  read<Value>(look: (database: Database) => Promise<Value>): Promise<Value> {
    if (this.#waiting.length >= waitingMax) return Promise.reject(new StoreUnavailable(`more than ${waitingMax} reads wait`));
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#home.read(look).then(resolve, reject));
      this.#go();
    });
  }

  readonly #gather = (): void => {
    this.#rowsNext = true;
    this.#go();
  };

  readonly #readRows = (): Promise<void> => {
    const bunch = this.#rows.splice(0, bunchMax);
    this.#rowsUnderWay = true;
    this.#rowsNext = this.#gathering = this.#rows.length > 0;
    const keys = bunch.map(({ key }) => key);
    return this.#home
      .read((database) => database.getMany(keys))
      .then(
        (values) => {
          for (const [at, { resolve }] of bunch.entries()) resolve(values[at]);
        },
        (error: unknown) => {
          for (const { reject } of bunch) reject(error);
        },
      )
      .finally(() => {
        this.#rowsUnderWay = false;
      });
  };

  #go(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#underWay += 1;
      void next().then(this.#done);
    }
  }

  #next(): (() => Promise<void>) | undefined {
    if (this.#underWay >= atOnceMax) return undefined;
    return this.#rowsNext && !this.#rowsUnderWay ? this.#readRows : this.#waiting.shift();
  }

  readonly #done = (): void => {
    this.#underWay -= 1;
    this.#go();
  };
}
