// The logs in the database: packs of many entries each, written when the journal is put away. A row's key is that of its last entry; it holds the pack, or says where in a file it lies.
import type { ChatId } from '../structures/ids.ts';
import { logKey, logPrefix, readNumber, seqOf, within, writeNumber } from './keys.level.ts';
import type { Tip } from './messages.ts';
import { PackReader, type Place, placeBytesOf, placeFrom } from './pack-files.level.ts';
import { type Records, recordBytes } from './records.level.ts';
import type { Database } from './schema.level.ts';

/** Layout (1), id of the last append (8), entries (4), then the records, or the place of the file that has them. */
const headBytes = 13;
const layouts = { held: 0x81, filed: 0x82 } as const;
/** Of a pack, about. */
export const packBytes = 32 * 1024;
const readBytesMin = 64 * 1024;

/** Where a log in the database stands. */
export interface Standing {
  readonly tip: Tip;
  readonly lastSeq: number;
}

/** Some records of one log that go into one row. */
export interface Pack {
  readonly chatId: ChatId;
  readonly lastSeq: number;
  readonly count: number;
  readonly tip: Tip;
  /** A view, not a copy. */
  readonly bytes: Buffer;
}

/** The row of a pack that lies in a file, or else is to be held by the row itself. */
export function rowOf(pack: Pack, place: Place | undefined): { readonly key: Buffer; readonly value: Buffer } {
  const { chatId, lastSeq, count, tip, bytes } = pack;
  const rest = place === undefined ? bytes : placeBytesOf(place);
  const value = Buffer.allocUnsafeSlow(headBytes + rest.byteLength);
  value.writeUInt8(place === undefined ? layouts.held : layouts.filed, 0);
  writeNumber(value, tip, 1);
  value.writeUInt32LE(count, 9);
  rest.copy(value, headBytes);
  return { key: logKey(chatId, lastSeq), value };
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
export async function packOf({ database, packs }: Packed, chatId: ChatId, seq: number): Promise<Records | undefined> {
  const [row] = await database.iterator({ gte: logKey(chatId, seq), lt: within(logPrefix(chatId)).lt, limit: 1 }).all();
  return row && recordsIn({ key: row[0], row: row[1], packs });
}

/** What a row holds or names. */
export function recordsIn({ key, row, packs }: { readonly key: Buffer; readonly row: Buffer; readonly packs: string }): Promise<Records> {
  const reader = new PackReader(packs);
  return recordsOf(key, row, reader).finally(() => reader.close());
}

/** Where packs are read from: the rows, and the directory of the files that some of them name. */
export interface Packed {
  readonly database: Database;
  readonly packs: string;
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
export async function* packsIn({ database, packs }: Packed, chatId: ChatId, { first, last, reverse, bytes, entries }: PackRange): AsyncGenerator<Records> {
  const end = within(logPrefix(chatId)).lt;
  const [lastKey] = reverse ? await database.keys({ gte: logKey(chatId, last), lt: end, limit: 1 }).all() : [];
  const until = lastKey === undefined ? { lt: end } : { lte: lastKey };
  const iterator = database.iterator({ gte: logKey(chatId, first), ...until, reverse, highWaterMarkBytes: Math.max(readBytesMin, bytes) });
  const reader = new PackReader(packs);
  try {
    for (;;) {
      const rows = await iterator.nextv(entries);
      if (rows.length === 0) return;
      for (const [key, value] of rows) {
        if (firstSeqOf(key, value) > last && !reverse) return;
        yield await recordsOf(key, value, reader);
      }
    }
  } finally {
    await Promise.all([iterator.close(), reader.close()]);
  }
}

/** Other rows are of the first layout, which had one for each entry: the id of its append, the entry. */
const isPack = (value: Buffer): boolean => value.readUInt8(0) === layouts.held || value.readUInt8(0) === layouts.filed;

/** Whether the row only says where its pack lies. */
export const isFiled = (value: Buffer): boolean => value.readUInt8(0) === layouts.filed;

const firstSeqOf = (key: Buffer, value: Buffer): number => (isPack(value) ? seqOf(key) - value.readUInt32LE(9) + 1 : seqOf(key));

async function recordsOf(key: Buffer, value: Buffer, reader: PackReader): Promise<Records> {
  const lastSeq = seqOf(key);
  const firstSeq = firstSeqOf(key, value);
  if (isFiled(value)) return { firstSeq, lastSeq, bytes: await reader.read(placeFrom(value, headBytes)) };
  if (isPack(value)) return { firstSeq, lastSeq, bytes: value.subarray(headBytes) };
  const entry = value.subarray(8);
  const bytes = Buffer.allocUnsafeSlow(recordBytes(entry));
  value.copy(bytes, 0, 0, 8);
  bytes.writeUInt32LE(entry.byteLength, 8);
  bytes.set(entry, bytes.byteLength - entry.byteLength);
  return { firstSeq, lastSeq, bytes };
}
