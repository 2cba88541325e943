// Entries as they lie one behind the other, in the journal, in memory and in the packs of the database: the id of its append (8 bytes), its length (4), the entry.
import { decodeEntry, entryHead } from '../protocol/codec.ts';
import type { Entry } from '../protocol/messages.ts';
import { readNumber, writeNumber } from './keys.level.ts';
import type { Tip } from './messages.ts';

const headBytes = 12;

/** Some entries of one log, without a gap. */
export interface Records {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: Buffer;
}

export const recordBytes = (entry: Uint8Array): number => headBytes + entry.byteLength;

/** The place behind it. */
export function writeRecord(into: Buffer, at: number, tip: Tip, entry: Uint8Array): number {
  writeNumber(into, tip, at);
  into.writeUInt32LE(entry.byteLength, at + 8);
  into.set(entry, at + headBytes);
  return at + headBytes + entry.byteLength;
}

/** The same from its `entry` frame, whose first byte has no place here; nothing is made on the way. */
export function writeFramedRecord(into: Buffer, at: number, tip: Tip, frame: Uint8Array): number {
  into.set(frame, at + headBytes - 1);
  into[at + headBytes] = entryHead;
  writeNumber(into, tip, at);
  return into.writeUInt32LE(frame.byteLength - 1, at + 8) + frame.byteLength - 1;
}

/** The place of the record behind the one at `at`. */
export const behind = (bytes: Buffer, at: number): number => at + headBytes + bytes.readUInt32LE(at + 8);

/** Where the record of `seq` begins. */
export function placeOf({ firstSeq, bytes }: Records, seq: number): number {
  let at = 0;
  for (let left = seq - firstSeq; left > 0; left -= 1) at = behind(bytes, at);
  return at;
}

export function tipAt(bytes: Buffer, at: number): Tip {
  return readNumber(bytes, at);
}

/** Those with a seq of at least `first` and at most `last`, ascending. */
export function entriesOf(records: Records, first: number, last: number): Entry[] {
  const { bytes } = records;
  const from = Math.max(first, records.firstSeq);
  const to = Math.min(last, records.lastSeq);
  const entries: Entry[] = [];
  if (from > to) return entries;
  let at = placeOf(records, from);
  for (let seq = from; seq <= to; seq += 1) {
    const next = behind(bytes, at);
    // a plain view, since a Buffer's `slice` does not copy
    entries.push(decodeEntry(new Uint8Array(bytes.buffer, bytes.byteOffset + at + headBytes, next - at - headBytes)));
    at = next;
  }
  return entries;
}
