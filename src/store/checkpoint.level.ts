// Puts what one file of the journal holds into the database, a bounded and durable batch at a time, so that the file can be used again.
import type { AbstractChainedBatch } from 'abstract-level';
import { foldKey, numberBytes, writeNumber } from './keys.level.ts';
import { packsOf } from './packs.level.ts';
import { type Database, groupKey } from './schema.level.ts';
import type { Generation } from './tails.level.ts';

type Batch = AbstractChainedBatch<Database, Buffer, Buffer>;

/** Small, and with pauses in between: what it takes of processor and disk is missing to the messages of that moment. */
const batchBytes = 128 * 1024;
/** Every batch: LevelDB makes nothing durable that an earlier log file of its own holds. */
const durably = { sync: true } as const;

export interface Checkpoint {
  readonly generation: Generation;
  /** The last commit in it. */
  readonly number: number;
  /** Rows that a later commit may have written already: those stay. */
  isOutdated(key: string): boolean;
}

/** Each batch is written within a turn of its own with the database, given by `inTurn`, which may take its time; `done` is the share of the whole that is then written. */
export async function checkpoint(
  { generation, number, isOutdated }: Checkpoint,
  inTurn: (job: (database: Database) => Promise<void>, done: number) => Promise<void>,
): Promise<void> {
  const writes = writesOf(generation, isOutdated);
  for (let isOver = false, bytes = 0; !isOver; ) {
    bytes += batchBytes;
    const job = async (database: Database): Promise<void> => {
      const batch = database.batch();
      isOver = fill(batch, writes);
      if (isOver) batch.put(groupKey, numberBytes(number));
      await batch.write(durably);
    };
    await inTurn(job, bytes / Math.max(bytes, generation.bytes));
  }
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

function* writesOf({ tails, rows }: Generation, isOutdated: (key: string) => boolean): Generator<Write> {
  for (const [chatId, tail] of tails) {
    for (const { key, value } of packsOf(chatId, tail)) yield (batch) => put(batch, key, value);
    const { fold } = tail;
    if (fold === undefined) continue;
    const value = Buffer.allocUnsafeSlow(8 + fold.bytes.byteLength);
    writeNumber(value, fold.seq, 0);
    value.set(fold.bytes, 8);
    yield (batch) => put(batch, foldKey(chatId), value);
  }
  for (const [name, { key, value }] of rows) {
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
