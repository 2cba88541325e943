// What one commit puts into the journal: a block of operations with a checksum, and how a block that was cut short or overwritten is told from a whole one.
import { crc32 } from 'node:zlib';
import { type ChatId, idLength } from '../structures/ids.ts';
import { readNumber, writeNumber } from './keys.level.ts';
import { recordBytes, writeFramedRecord, writeRecord } from './records.level.ts';

/** Checksum (4) of all that follows it, bytes of the payload (4), number of the commit (8). */
export const headerBytes = 16;
const operations = { append: 1, put: 2, del: 3 } as const;
/** Kind (1), chat, first seq (8), entries (4), tip (8), bytes of the records (4), bytes of the fold plus one, or 0 for none (4). */
const appendBytes = 1 + idLength + 8 + 4 + 8 + 4 + 4;
const putBytes = 1 + 4 + 4;
const delBytes = 1 + 4;
const nothing = Buffer.alloc(0);
const blockBytesMin = 64 * 1024;

/** One append within a block; the records lie in the block's bytes (see Records). */
export interface Appended {
  readonly chatId: ChatId;
  readonly firstSeq: number;
  readonly count: number;
  readonly tip: number;
  readonly from: number;
  readonly to: number;
  readonly fold: Uint8Array | undefined;
}
/** A row, or with no value its end. */
export interface Row {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** Gathers the operations of one commit. */
export class Block {
  #bytes: Buffer<ArrayBufferLike>;
  #at = headerBytes;
  readonly appends: Appended[] = [];
  readonly rows: Row[] = [];

  /** `bytes`: to be written over; it may turn out to be too small. */
  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(blockBytesMin)) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#at;
  }

  /** What is written; its offsets are those of `appends`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The entries of one append, encoded, or with `framed` as `entry` frames; all are copied. */
  append(chatId: ChatId, firstSeq: number, tip: number, entries: readonly Uint8Array[], fold: Uint8Array | undefined, framed = false): void {
    let recordsBytes = framed ? -entries.length : 0;
    for (const entry of entries) recordsBytes += recordBytes(entry);
    this.#room(appendBytes + recordsBytes + (fold?.byteLength ?? 0));
    const bytes = this.#bytes;
    let at = bytes.writeUInt8(operations.append, this.#at);
    at += bytes.write(chatId, at, 'latin1');
    writeNumber(bytes, firstSeq, at);
    at = bytes.writeUInt32LE(entries.length, at + 8);
    writeNumber(bytes, tip, at);
    at = bytes.writeUInt32LE(recordsBytes, at + 8);
    const from = bytes.writeUInt32LE(fold === undefined ? 0 : fold.byteLength + 1, at);
    let to = from;
    for (const entry of entries) to = framed ? writeFramedRecord(bytes, to, tip, entry) : writeRecord(bytes, to, tip, entry);
    if (fold !== undefined) bytes.set(fold, to);
    this.#at = to + (fold?.byteLength ?? 0);
    this.appends.push({ chatId, firstSeq, count: entries.length, tip, from, to, fold });
  }

  /** Gives up the bytes, which may then be another block's, and what it knows of them; the rows stay. */
  release(): Buffer {
    const bytes = this.#bytes;
    this.#bytes = nothing;
    this.appends.length = 0;
    return bytes;
  }

  put(key: Buffer, value: Buffer): void {
    this.#room(putBytes + key.byteLength + value.byteLength);
    let at = this.#bytes.writeUInt8(operations.put, this.#at);
    at = this.#bytes.writeUInt32LE(key.byteLength, at);
    at = this.#bytes.writeUInt32LE(value.byteLength, at);
    this.#bytes.set(key, at);
    this.#bytes.set(value, at + key.byteLength);
    this.#at = at + key.byteLength + value.byteLength;
    this.rows.push({ key, value });
  }

  del(key: Buffer): void {
    this.#room(delBytes + key.byteLength);
    let at = this.#bytes.writeUInt8(operations.del, this.#at);
    at = this.#bytes.writeUInt32LE(key.byteLength, at);
    this.#bytes.set(key, at);
    this.#at = at + key.byteLength;
    this.rows.push({ key, value: undefined });
  }

  /** The whole block as commit `number`. */
  sealed(number: number): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at);
    bytes.writeUInt32LE(this.#at - headerBytes, 4);
    writeNumber(bytes, number, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
    return bytes;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(2 * Math.max(this.#bytes.byteLength, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** A whole block that was found in a journal. */
export interface Found {
  readonly number: number;
  readonly payload: Buffer;
  readonly next: number;
}

/** What a header says, whether or not its block is whole. */
export function headerOf(header: Buffer): { readonly number: number; readonly byteLength: number } {
  return { number: readNumber(header, 8), byteLength: headerBytes + header.readUInt32LE(4) };
}

/**
 * The block at `at`. A segment is used again and again, so behind the last block stand zeros, or what an earlier use has left: both are `end`.
 * `damaged`: a block began to be written here and is not whole. `expected`: the number that a next block must have; undefined at the beginning of a segment.
 */
export function blockAt(segment: Buffer, at: number, expected: number | undefined): Found | 'end' | 'damaged' {
  if (at + headerBytes > segment.byteLength) return 'end';
  const length = segment.readUInt32LE(at + 4);
  const number = readNumber(segment, at + 8);
  if (number === 0 || (expected !== undefined && number !== expected)) return 'end';
  const next = at + headerBytes + length;
  if (next > segment.byteLength || segment.readUInt32LE(at) !== crc32(segment.subarray(at + 4, next))) return 'damaged';
  return { number, payload: segment.subarray(at + headerBytes, next), next };
}

/** What a whole block holds, in its order. */
export function* operationsOf(payload: Buffer): Generator<Row | Appended> {
  for (let at = 0; at < payload.byteLength; ) {
    const kind = payload.readUInt8(at);
    if (kind === operations.append) {
      const found = appendAt(payload, at);
      yield found;
      at = found.to + (found.fold?.byteLength ?? 0);
    } else if (kind === operations.put) {
      const keyAt = at + putBytes;
      const valueAt = keyAt + payload.readUInt32LE(at + 1);
      at = valueAt + payload.readUInt32LE(at + 5);
      yield { key: payload.subarray(keyAt, valueAt), value: payload.subarray(valueAt, at) };
    } else if (kind === operations.del) {
      const keyAt = at + delBytes;
      at = keyAt + payload.readUInt32LE(at + 1);
      yield { key: payload.subarray(keyAt, at), value: undefined };
    } else throw new Error(`the journal holds an operation of an unknown kind, ${kind}: it was written by a newer Parley`);
  }
}

function appendAt(payload: Buffer, at: number): Appended {
  const chatId = payload.toString('latin1', at + 1, at + 1 + idLength) as ChatId;
  const numbers = at + 1 + idLength;
  const from = at + appendBytes;
  const to = from + payload.readUInt32LE(numbers + 20);
  const foldLength = payload.readUInt32LE(numbers + 24);
  return {
    chatId,
    firstSeq: readNumber(payload, numbers),
    count: payload.readUInt32LE(numbers + 8),
    tip: readNumber(payload, numbers + 12),
    from,
    to,
    fold: foldLength === 0 ? undefined : payload.subarray(to, to + foldLength - 1),
  };
}
