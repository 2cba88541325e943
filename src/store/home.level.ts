// The directory of the embedded store: opened by one process at a time, opened anew after a failure, told apart from others by its incarnation.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Clock, Random } from '../structures/clock.ts';
import type { Threads } from '../structures/threads.ts';
import { StoreRefused, StoreUnavailable } from './faults.ts';
import { packsName } from './pack-files.level.ts';
import { Reserve } from './reserve.level.ts';
import { checkLayout, type Database, incarnationOf, type Migration, migrate, migrations } from './schema.level.ts';

export interface Report {
  readonly level: 'info' | 'warn' | 'error';
  readonly says: string;
}

export interface HomeOptions {
  /** PARLEY_DATA. Made if it is not there; the database lies in `db` under it. */
  readonly directory: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly onReport: (report: Report) => void;
  /** LevelDB's own thread comes after the event loop then. */
  readonly threads?: Threads;
  /** Of the two buffers that gather writes in memory, each; a larger one makes fewer files and a slower start after a crash. */
  readonly writeBufferBytes?: number;
  readonly cacheBytes?: number;
  /** Room that is kept for opening the database on a full disk: at least three write buffers. */
  readonly reserveBytes?: number;
  /** For tests of the chain itself. */
  readonly migrations?: readonly Migration[];
}

const reopenAfterMs = 1_000;

const lastReserveBytes = 1024 * 1024;

export class Home {
  readonly directory: string;
  /** The directory of the files of packs. */
  readonly packs: string;
  /** Given up when the disk is full, so that the database can be opened again and read. */
  readonly #reserve: Reserve;
  /** Held even then, for when it cannot be opened for want of room: what an interrupted compaction has left behind is only removed by opening. */
  readonly #lastReserve: Reserve;
  readonly incarnation: string;
  readonly #options: HomeOptions;
  #database: Database;
  #reopening: Promise<void> | undefined;
  /** Why the last attempt to open again failed. */
  #broken: string | undefined;
  #closed = false;

  private constructor(options: HomeOptions, database: Database, reserves: readonly [Reserve, Reserve], incarnation: string) {
    this.directory = options.directory;
    this.packs = join(options.directory, packsName);
    [this.#reserve, this.#lastReserve] = reserves;
    this.incarnation = incarnation;
    this.#options = options;
    this.#database = database;
  }

  /** Throws StoreRefused, with what to do about it, when another process has the directory or its layout is newer than ours. */
  static async open(options: HomeOptions): Promise<Home> {
    const { directory, random, writeBufferBytes = 4 * 1024 * 1024, reserveBytes = 3 * writeBufferBytes } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const reserves = [new Reserve(directory, 'reserve', reserveBytes), new Reserve(directory, 'reserve-last', lastReserveBytes)] as const;
    const database = await openDatabase(options).catch(async (error: unknown) => {
      if (!isFull(error)) throw error;
      await reserves[1].release();
      return openDatabase(options);
    });
    try {
      await checkLayout(database, options.migrations ?? migrations, random);
      const incarnation = await incarnationOf(database);
      await writeFile(join(directory, 'owner'), `process ${process.pid}\n`).catch(() => {}); // for the eyes of who finds it locked
      return new Home(options, database, reserves, incarnation);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Brings an older layout to ours, once what the journal holds is in the database. */
  async migrate(): Promise<void> {
    const { migrations: chain = migrations, onReport } = this.#options;
    await migrate(this.#database, chain, (says) => onReport({ level: 'info', says }));
  }

  /** False where the disk has too little room to work. */
  async takeReserves(): Promise<boolean> {
    return (await this.#lastReserve.take()) && (await this.#reserve.take());
  }

  /** For writes, and for reads of single rows that must happen in the same turn. Throws StoreUnavailable while the database is being opened again. */
  get database(): Database {
    if (this.#reopening !== undefined || this.#closed) throw new StoreUnavailable(this.#closed ? 'the stores are closed' : 'the database is being opened again');
    return this.#database;
  }

  /** Waits while the database is being opened again, and looks again if it was closed meanwhile. */
  async read<Value>(look: (database: Database) => Promise<Value>): Promise<Value> {
    for (;;) {
      if (this.#closed) throw new StoreUnavailable('the stores are closed');
      if (this.#broken !== undefined) throw new StoreUnavailable(this.#broken);
      if (this.#reopening !== undefined) await this.#reopening;
      const database = this.#database;
      try {
        return await look(database);
      } catch (error) {
        if (database === this.#database && this.#reopening === undefined) throw isIo(error) ? new StoreUnavailable('the disk cannot be read', { cause: error }) : error;
      }
    }
  }

  /** After a failed write the database refuses all others until it has been opened again, which this does until it succeeds. */
  reopen({ giveUpReserve }: { readonly giveUpReserve: boolean }): Promise<void> {
    this.#reopening ??= this.#reopen(giveUpReserve).finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reopening?.catch(() => {});
    await this.#database.close();
  }

  async #reopen(giveUpReserve: boolean): Promise<void> {
    await this.#database.close();
    if (giveUpReserve) await this.#reserve.release();
    while (!this.#closed) {
      try {
        this.#database = await openDatabase(this.#options);
        this.#broken = undefined;
        return;
      } catch (error) {
        const says = `The database in ${this.directory} cannot be opened again: ${reasonOf(error)}. Trying every second.`;
        if (this.#broken === undefined) this.#options.onReport({ level: 'error', says });
        this.#broken = says;
        if (isFull(error)) await this.#lastReserve.release();
        await new Promise<void>((resolve) => this.#options.clock.after(reopenAfterMs, resolve));
      }
    }
    throw new StoreUnavailable('the stores are closed');
  }
}

/** Opens the database under `directory`; tells of what a torn log has cost. */
async function openDatabase({ directory, onReport, threads, writeBufferBytes = 4 * 1024 * 1024, cacheBytes = 32 * 1024 * 1024 }: HomeOptions): Promise<Database> {
  const location = join(directory, 'db');
  const database: Database = new ClassicLevel(location, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: writeBufferBytes,
    cacheSize: cacheBytes,
    compression: false,
  });
  const before = await threads?.now();
  try {
    await database.open();
  } catch (error) {
    if (codeOf(error) !== 'LEVEL_LOCKED') throw error;
    const owner = (await readFile(join(directory, 'owner'), 'utf8').catch(() => '')).trim();
    throw new StoreRefused(
      `The data directory ${directory} is in use by another process${owner === '' ? '' : ` (${owner})`}. Stop that one first, or give this one a directory of its own with PARLEY_DATA.`,
      { cause: error },
    );
  }
  if (threads !== undefined && before !== undefined) {
    await database.compactRange(Buffer.alloc(0), Buffer.alloc(0)); // of nothing: LevelDB begins the thread on which it merges
    await threads.yieldOfNew(before);
  }
  // LevelDB says in its LOG what it could not read of the write-ahead log, and nowhere else.
  const log = await readFile(join(location, 'LOG'), 'utf8').catch(() => '');
  for (const line of log.split('\n')) {
    if (!/dropping \d+ bytes/.test(line)) continue;
    onReport({ level: 'error', says: `The end of the write-ahead log in ${location} was damaged and has been cut off: ${line.trim()}. What was acknowledged before it is there.` });
  }
  return database;
}

export function isFull(error: unknown): boolean {
  return /no space left|quota exceeded|file too large/i.test(reasonOf(error));
}

/** The text of an error and of what caused it. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error && parts.length < 5; at = at.cause) parts.push(at.message);
  return parts.join(': ');
}

/** Of the database, or of a file of packs. */
function isIo(error: unknown): boolean {
  return ['LEVEL_IO_ERROR', 'EIO', 'EMFILE', 'ENFILE'].includes(codeOf(error) as string);
}

function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return code === 'LEVEL_DATABASE_NOT_OPEN' ? cause?.code : code;
}
