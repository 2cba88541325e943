// The keys of the embedded store: one letter for the table, then its primary key in the order in which it is read. They map one to one to the tables of schema.cql.ts.
import assert from 'node:assert/strict';
import { type ChatId, type DeviceId, idLength, type UserId } from '../structures/ids.ts';

/** Tables by letter. A letter is never reused. */
const tables = {
  log: 'L', // chat, seq of the last → a pack of entries (see packs.level.ts)
  fold: 'F', // chat → seq (8), state
  snapshot: 'S', // chat → seq (8), state
  inbox: 'I', // user, chat → flags (1), head (8)
  receipt: 'R', // chat, user → delivered (8), read (8)
  receiptsVersion: 'V', // chat → version (8)
  user: 'U', // user → JSON
  handle: 'H', // handle → user
  device: 'D', // user, device → JSON
  family: 'T', // family → JSON
  familyOfDevice: 'X', // user, device, family → nothing
  signingKey: 'K', // created (8), key id → JSON
  about: 'm', // name → what it is: see schema.level.ts
} as const;

const seqBytes = 8;

export const logKey = (chatId: ChatId, seq: number): Buffer => withNumber(logPrefix(chatId), seq);
/** Of all keys of a chat's log. */
export const logPrefix = (chatId: ChatId): Buffer => key(tables.log, chatId);
export const foldKey = (chatId: ChatId): Buffer => key(tables.fold, chatId);
export const snapshotKey = (chatId: ChatId): Buffer => key(tables.snapshot, chatId);
export const inboxKey = (userId: UserId, chatId: ChatId): Buffer => key(tables.inbox, userId, chatId);
export const inboxPrefix = (userId: UserId): Buffer => key(tables.inbox, userId);
export const receiptKey = (chatId: ChatId, userId: UserId): Buffer => key(tables.receipt, chatId, userId);
export const receiptPrefix = (chatId: ChatId): Buffer => key(tables.receipt, chatId);
export const receiptsVersionKey = (chatId: ChatId): Buffer => key(tables.receiptsVersion, chatId);
export const userKey = (userId: UserId): Buffer => key(tables.user, userId);
export const handleKey = (handle: string): Buffer => Buffer.from(tables.handle + handle);
export const deviceKey = (userId: UserId, deviceId: DeviceId): Buffer => key(tables.device, userId, deviceId);
export const devicePrefix = (userId: UserId): Buffer => key(tables.device, userId);
export const familyKey = (familyId: string): Buffer => Buffer.from(tables.family + familyId);
export const familyOfDeviceKey = (userId: UserId, deviceId: DeviceId, familyId: string): Buffer => Buffer.concat([familyOfDevicePrefix(userId, deviceId), Buffer.from(familyId)]);
export const familyOfDevicePrefix = (userId: UserId, deviceId: DeviceId): Buffer => key(tables.familyOfDevice, userId, deviceId);
export const signingKeyKey = (createdAtMs: number, keyId: string): Buffer => Buffer.concat([withNumber(Buffer.from(tables.signingKey), createdAtMs), Buffer.from(keyId)]);
export const signingKeyPrefix = (): Buffer => Buffer.from(tables.signingKey);
export const aboutKey = (name: string): Buffer => Buffer.from(tables.about + name);

/** The chat or device at the end of a key. */
export function lastId(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + bytes.byteLength - idLength, idLength).toString('latin1');
}

/** The seq at the end of a log's key. */
export const seqOf = (bytes: Buffer): number => readNumber(bytes, bytes.byteLength - seqBytes);

/** All keys that begin with `prefix`. */
export function within(prefix: Buffer): { readonly gte: Buffer; readonly lt: Buffer } {
  const after = Buffer.from(prefix);
  // Prefixes end in ASCII, which leaves room above.
  after.writeUInt8(after.readUInt8(after.byteLength - 1) + 1, after.byteLength - 1);
  return { gte: prefix, lt: after };
}

/** The same as text, for keys that are ASCII throughout: a string costs less than a Buffer. */
export function textWithin(prefix: Buffer): { readonly gte: string; readonly lt: string } {
  const { gte, lt } = within(prefix);
  return { gte: gte.toString('latin1'), lt: lt.toString('latin1') };
}

/** Counters are 8 bytes, big-endian, so that they sort. */
export function writeNumber(into: Buffer, value: number, at: number): void {
  into.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  into.writeUInt32BE(value >>> 0, at + 4);
}

export function readNumber(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 0x1_0000_0000 + from.readUInt32BE(at + 4);
}

/** What follows the number that a value begins with; a plain view, since a Buffer's `slice` does not copy. */
export function afterNumber(value: Buffer): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset + 8, value.byteLength - 8);
}

export function numberBytes(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 8);
  for (const [at, value] of values.entries()) writeNumber(bytes, value, at * 8);
  return bytes;
}

/** Ids are of one length, so that no key is the beginning of another's. */
function key(table: string, ...ids: readonly string[]): Buffer {
  let text = table;
  for (const id of ids) {
    assert(id.length === idLength, 'an id of another form cannot be a key');
    text += id;
  }
  return Buffer.from(text, 'latin1');
}

function withNumber(prefix: Buffer, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(prefix.byteLength + 8);
  prefix.copy(bytes);
  writeNumber(bytes, value, prefix.byteLength);
  return bytes;
}
