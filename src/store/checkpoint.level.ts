// Puts what one file of the journal holds into the database, a bounded and durable batch at a time, so that the file can be used again.
import type { AbstractChainedBatch } from 'abstract-level';
import { foldKey, numberBytes, writeNumber } from './keys.level.ts';
import { type Place, writePacks } from './pack-files.level.ts';
import { type Pack, rowOf } from './packs.level.ts';
import { type Database, groupKey, lastPackFile, packFileKey } from './schema.level.ts';
import type { Generation } from './tails.level.ts';

type Batch = AbstractChainedBatch<Database, Buffer, Buffer>;

/** Small, and with pauses in between: what it takes of processor and disk is missing to the messages of that moment. */
const batchBytes = 128 * 1024;
/** A smaller pack is held by its row: a read of its own would cost more than moving it now and then. */
const filedBytesMin = 4 * 1024;
/** Less than this is no file of its own. */
const fileBytesMin = 256 * 1024;
/** Every batch: LevelDB makes nothing durable that an earlier log file of its own holds. */
const durably = { sync: true } as const;

export interface Checkpoint {
  readonly generation: Generation;
  /** The last commit in it. */
  readonly number: number;
  /** Rows that a later commit may have written already: those stay. */
  isOutdated(key: string): boolean;
}

/** Does `job` with the database in a turn of its own, which may take its time; `done` is the share of the whole that is then written. */
export type InTurn = (job: (database: Database) => Promise<void>, done: number) => Promise<void>;

/** Packs first, into a file in `packs`, then the rows: those that name the file follow it. */
export async function checkpoint({ generation, number, isOutdated }: Checkpoint, packs: string, inTurn: InTurn): Promise<void> {
  const filed = await fileLargePacks(generation, packs, inTurn);
  const writes = writesOf(generation, filed, isOutdated);
  const rowBytes = Math.max(1, generation.bytes - filed.bytes);
  for (let isOver = false, bytes = 0; !isOver; ) {
    bytes += batchBytes;
    const job = async (database: Database): Promise<void> => {
      const batch = database.batch();
      isOver = fill(batch, writes);
      if (isOver) batch.put(groupKey, numberBytes(number));
      await batch.write(durably);
    };
    await inTurn(job, (filed.bytes + Math.min(bytes, rowBytes)) / (filed.bytes + rowBytes));
  }
}

interface Filed {
  /** The file, if there is enough to fill one. */
  readonly file: number | undefined;
  /** In the order in which the packs come. */
  readonly places: readonly Place[];
  readonly bytes: number;
}

const isLarge = ({ bytes }: Pack): boolean => bytes.byteLength >= filedBytesMin;

async function fileLargePacks(generation: Generation, directory: string, inTurn: InTurn): Promise<Filed> {
  const large = largePacksOf(generation);
  const bytes = large.reduce((sum, pack) => sum + pack.bytes.byteLength, 0);
  if (bytes < fileBytesMin) return { file: undefined, places: [], bytes: 0 };
  let file = 0;
  await inTurn(async (database) => {
    file = 1 + (await lastPackFile(database));
  }, 0);
  let written = 0;
  const places = await writePacks(
    directory,
    file,
    large.map((pack) => pack.bytes),
    async (more) => {
      written += more;
      await inTurn(() => Promise.resolve(), written / Math.max(bytes, generation.bytes));
    },
  );
  return { file, places, bytes };
}

/** Many chats have little: those are not even looked into. */
function largePacksOf({ tails }: Generation): readonly Pack[] {
  const large: Pack[] = [];
  for (const [chatId, tail] of tails) if (tail.byteLength >= filedBytesMin) for (const pack of tail.packs(chatId)) if (isLarge(pack)) large.push(pack);
  return large;
}

type Write = (batch: Batch) => number;

/** Whether that was all. */
function fill(batch: Batch, writes: Iterator<Write>): boolean {
  for (let bytes = 0; bytes < batchBytes; ) {
    const next = writes.next();
    if (next.done === true) return true;
    bytes += next.value(batch);
  }
  return false;
}

function* writesOf(generation: Generation, { file, places }: Filed, isOutdated: (key: string) => boolean): Generator<Write> {
  // In the first batch, so before any row that names it: after a crash this file is then not taken for one that nothing names.
  if (file !== undefined) yield (batch) => put(batch, packFileKey, numberBytes(file));
  let next = 0;
  for (const [chatId, tail] of generation.tails) {
    for (const pack of tail.packs(chatId)) {
      const place = file !== undefined && isLarge(pack) ? places[next++] : undefined;
      const { key, value } = rowOf(pack, place);
      yield (batch) => put(batch, key, value);
    }
    const { fold } = tail;
    if (fold === undefined) continue;
    const value = Buffer.allocUnsafeSlow(8 + fold.bytes.byteLength);
    writeNumber(value, fold.seq, 0);
    value.set(fold.bytes, 8);
    yield (batch) => put(batch, foldKey(chatId), value);
  }
  for (const [name, { key, value }] of generation.rows) {
    yield (batch) => {
      if (isOutdated(name)) return 0;
      if (value !== undefined) return put(batch, key, value);
      batch.del(key);
      return key.byteLength;
    };
  }
}

function put(batch: Batch, key: Buffer, value: Buffer): number {
  batch.put(key, value);
  return key.byteLength + value.byteLength;
}
