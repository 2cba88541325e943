// The logs in the database: rows of many entries each, written when the journal is put away. A row's key is that of its last entry.
import type { ChatId } from '../structures/ids.ts';
import { logKey, logPrefix, readNumber, seqOf, within, writeNumber } from './keys.level.ts';
import type { Tip } from './messages.ts';
import { behind, type Records, recordBytes } from './records.level.ts';
import type { Database } from './schema.level.ts';

/** Layout (1), id of the last append (8), entries (4), then the records. */
const headBytes = 13;
const layout = 0x81;
const packBytes = 32 * 1024;
const readBytesMin = 64 * 1024;

/** Where a log in the database stands. */
export interface Standing {
  readonly tip: Tip;
  readonly lastSeq: number;
}

/** Rows that hold these records, each of about 32 KB. */
export function* packsOf(chatId: ChatId, { firstSeq, lastSeq, bytes }: Records): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
  let from = 0;
  let first = firstSeq;
  for (let at = 0, seq = firstSeq; seq <= lastSeq; seq += 1) {
    const last = at;
    at = behind(bytes, at);
    if (at - from < packBytes && seq < lastSeq) continue;
    const value = Buffer.allocUnsafeSlow(headBytes + at - from);
    value.writeUInt8(layout, 0);
    writeNumber(value, readNumber(bytes, last), 1);
    value.writeUInt32LE(seq - first + 1, 9);
    bytes.copy(value, headBytes, from, at);
    yield { key: logKey(chatId, seq), value };
    from = at;
    first = seq + 1;
  }
}

export async function standingOf(database: Database, chatId: ChatId): Promise<Standing> {
  const [last] = await database.iterator({ ...within(logPrefix(chatId)), reverse: true, limit: 1 }).all();
  if (last === undefined) return { tip: 0, lastSeq: 0 };
  const [key, value] = last;
  return { tip: readNumber(value, isPack(value) ? 1 : 0), lastSeq: seqOf(key) };
}

export async function lastSeqOf(database: Database, chatId: ChatId): Promise<number> {
  const [last] = await database.keys({ ...within(logPrefix(chatId)), reverse: true, limit: 1 }).all();
  return last === undefined ? 0 : seqOf(last);
}

/** The one that holds `seq`, if it is there. */
export async function packOf(database: Database, chatId: ChatId, seq: number): Promise<Records | undefined> {
  const [row] = await database.iterator({ gte: logKey(chatId, seq), lt: within(logPrefix(chatId)).lt, limit: 1 }).all();
  return row && recordsOf(row[0], row[1]);
}

export interface PackRange {
  readonly first: number;
  readonly last: number;
  readonly reverse: boolean;
  /** About as much as is wanted: what is read ahead. */
  readonly bytes: number;
  readonly entries: number;
}

/** The packs that hold any of `first` … `last`, from the first on or, reversed, from the last on. */
export async function* packsIn(database: Database, chatId: ChatId, { first, last, reverse, bytes, entries }: PackRange): AsyncGenerator<Records> {
  const end = within(logPrefix(chatId)).lt;
  const [lastKey] = reverse ? await database.keys({ gte: logKey(chatId, last), lt: end, limit: 1 }).all() : [];
  const until = lastKey === undefined ? { lt: end } : { lte: lastKey };
  const iterator = database.iterator({ gte: logKey(chatId, first), ...until, reverse, highWaterMarkBytes: Math.max(readBytesMin, bytes) });
  try {
    for (;;) {
      const rows = await iterator.nextv(entries);
      if (rows.length === 0) return;
      for (const [key, value] of rows) {
        const pack = recordsOf(key, value);
        if (pack.firstSeq > last && !reverse) return;
        yield pack;
      }
    }
  } finally {
    await iterator.close();
  }
}

const isPack = (value: Buffer): boolean => value.readUInt8(0) === layout;

function recordsOf(key: Buffer, value: Buffer): Records {
  const lastSeq = seqOf(key);
  if (isPack(value)) return { firstSeq: lastSeq - value.readUInt32LE(9) + 1, lastSeq, bytes: value.subarray(headBytes) };
  // The first layout had a row an entry: the id of its append, the entry.
  const entry = value.subarray(8);
  const bytes = Buffer.allocUnsafeSlow(recordBytes(entry));
  value.copy(bytes, 0, 0, 8);
  bytes.writeUInt32LE(entry.byteLength, 8);
  bytes.set(entry, bytes.byteLength - entry.byteLength);
  return { firstSeq: lastSeq, lastSeq, bytes };
}
