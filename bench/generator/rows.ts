// The entries within a `pushed` frame, found by the lengths of their values alone.
import { FramingBroken } from './wire.ts';

const entryPlaces = 10;

/** Calls `row` with where each entry of a `pushed` frame lies: from its array's head to behind its last byte. False, before any call, when the frame has another form (the caller decodes it). Throws FramingBroken. */
export function eachRow(bytes: Buffer, start: number, end: number, row: (from: number, to: number) => void): boolean {
  if (bytes[start] !== 0x92) return false;
  const head = bytes[start + 2] as number;
  const isShort = hasShortHead(bytes, start);
  if (!isShort && head !== 0xdc) return false;
  const count = isShort ? head & 15 : bytes.readUInt16BE(start + 3);
  let at = firstRowAt(bytes, start);
  for (let left = count; left > 0; left -= 1) {
    const to = rowEnd(bytes, at);
    if (to < 0 || to > end) throw new FramingBroken('a pushed entry has another form than ours');
    row(at, to);
    at = to;
  }
  return true;
}

/** Where the first entry of a `pushed` frame begins, if it is of the known form. */
export function firstRowAt(bytes: Buffer, start: number): number {
  return start + (hasShortHead(bytes, start) ? 3 : 5);
}

function hasShortHead(bytes: Buffer, start: number): boolean {
  const head = bytes[start + 2] as number;
  return head >= 0x90 && head <= 0x9f;
}

/** -1: not an entry of the known form. */
function rowEnd(bytes: Buffer, start: number): number {
  if (bytes[start] !== (0x90 | entryPlaces)) return -1;
  let at = start + 1;
  for (let left = entryPlaces; left > 0; left -= 1) {
    const size = valueBytes(bytes, at);
    if (size === 0) return -1;
    at += size;
  }
  return at;
}

/** Of a number, a text or bytes, head included; 0 for whatever else. */
function valueBytes(bytes: Buffer, at: number): number {
  const head = bytes[at] as number;
  if (head <= 0x7f) return 1;
  if (head >= 0xa0 && head <= 0xbf) return 1 + (head & 31);
  switch (head) {
    case 0xcc:
      return 2;
    case 0xcd:
      return 3;
    case 0xce:
      return 5;
    case 0xcf:
      return 9;
    case 0xc4:
    case 0xd9:
      return 2 + (bytes[at + 1] as number);
    case 0xc5:
    case 0xda:
      return 3 + bytes.readUInt16BE(at + 1);
    default:
      return 0;
  }
}
