// The logs in the embedded store: a row an entry, the id of its append before it. The last row says where the log stands.
import assert from 'node:assert/strict';
import { decodeEntry, encodeEntry } from '../protocol/codec.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { checkAppend } from './appends.ts';
import type { Committer, Group } from './committer.level.ts';
import { Superseded } from './faults.ts';
import type { Head, Heads } from './heads.level.ts';
import type { Home } from './home.level.ts';
import { afterNumber, foldKey, logKey, readNumber, writeNumber } from './keys.level.ts';
import type { Append, MessageStore, OpenLog, Range, Tip } from './messages.ts';
import type { Database } from './schema.level.ts';

/** Bytes of the append's id before an entry, and of the seq before a fold. */
const numberLength = 8;
/** What a row has beside its body, about. */
const rowBytes = 200;
const readBytesMin = 64 * 1024;
const readBytesMax = 4 * 1024 * 1024;

export function levelMessages(home: Home, committer: Committer, heads: Heads): MessageStore {
  return {
    open: (chatId) => open(home, heads, chatId),
    append: (append) => heads.with(append.chatId, (head) => extend(home, committer, head, append)),
    stands: (chatId, tip) => heads.with(chatId, async (head) => (await durableTip(heads, chatId, head)) === tip),
    read: (chatId, range) => home.read(async (database) => readRange(database, chatId, range)),
  };
}

/** In one turn where the append fits: nobody comes between the check and the write. */
function extend(home: Home, committer: Committer, head: Head, append: Append): Promise<void> {
  try {
    if (append.builtOn !== head.tip) return again(home, head, append);
    checkAppend(append, head.lastSeq);
    const { entries, tip } = append;
    const group = committer.gather();
    if (entries.length === 1) putRow(group, head, entries[0] as Entry, encodeEntry(entries[0] as Entry), tip);
    else putRows(group, head, append);
    if (append.fold !== undefined) putFold(group, append, head.lastSeq + entries.length, append.fold);
    head.tip = tip;
    head.lastSeq += entries.length;
    head.group = group;
    group.appends += 1;
    group.entries += entries.length;
    return group.durable;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** An append that is not built on the tip: it stands already, or somebody else has written. */
async function again(home: Home, head: Head, { chatId, entries, tip }: Append): Promise<void> {
  const first = entries[0]?.seq ?? 0;
  if (first > 0 && first <= head.lastSeq) {
    await head.group?.durable;
    const row = await home.read((database) => database.get(logKey(chatId, first)));
    if (row !== undefined && readNumber(row, 0) === tip) return;
  }
  throw new Superseded(`somebody else has written to chat ${chatId}`);
}

let scratch = Buffer.allocUnsafeSlow(64 * 1024);

function putRow(group: Group, head: Head, { seq }: Entry, entry: Uint8Array, tip: Tip): void {
  const length = numberLength + entry.byteLength;
  if (length > scratch.byteLength) scratch = Buffer.allocUnsafeSlow(2 * length);
  writeNumber(scratch, tip, 0);
  scratch.set(entry, numberLength);
  writeNumber(head.key, seq, head.key.byteLength - numberLength);
  group.put(head.key, scratch.subarray(0, length)); // copied at once
}

/** Encodes all before it puts one, so that an entry that cannot be encoded leaves nothing behind. */
function putRows(group: Group, head: Head, { entries, tip }: Append): void {
  const encoded = entries.map(encodeEntry);
  for (const [at, entry] of entries.entries()) putRow(group, head, entry, encoded[at] as Uint8Array, tip);
}

function putFold(group: Group, { chatId }: Append, seq: number, fold: Uint8Array): void {
  const value = Buffer.allocUnsafe(numberLength + fold.byteLength);
  writeNumber(value, seq, 0);
  value.set(fold, numberLength);
  group.put(foldKey(chatId), value);
}

async function durableTip(heads: Heads, chatId: ChatId, head: Head): Promise<Tip> {
  try {
    await head.group?.durable;
    return head.tip;
  } catch {
    return heads.with(chatId, (loaded) => Promise.resolve(loaded.tip)); // it failed, and the head with it
  }
}

async function open(home: Home, heads: Heads, chatId: ChatId): Promise<OpenLog> {
  for (;;) {
    const { tip, lastSeq } = await heads.with(chatId, async (head) => {
      await head.group?.durable.catch(() => {});
      return head;
    });
    const row = await home.read((database) => database.get(foldKey(chatId)));
    const held = heads.held(chatId);
    if (held !== undefined && (held.tip !== tip || held.lastSeq !== lastSeq)) continue; // it failed, or another append has come
    return { tip, lastSeq, fold: row && { seq: readNumber(row, 0), bytes: afterNumber(row) } };
  }
}

async function readRange(database: Database, chatId: ChatId, { after, before, limit, bytesMax, from }: Range): Promise<readonly Entry[]> {
  const first = Math.max(1, after + 1);
  if (before <= first || limit <= 0) return [];
  const reverse = from === 'last';
  const most = Math.min(limit, before - first);
  const iterator = database.values({
    gte: logKey(chatId, first),
    lt: logKey(chatId, Math.min(before, Number.MAX_SAFE_INTEGER)),
    reverse,
    limit: most,
    highWaterMarkBytes: Math.max(readBytesMin, Math.min(bytesMax, readBytesMax) + most * rowBytes),
  });
  const entries: Entry[] = [];
  try {
    for (let bytes = 0; ; ) {
      const rows = await iterator.nextv(most);
      for (const row of rows) {
        const entry = decodeEntry(afterNumber(row));
        bytes += entry.body.byteLength;
        if (bytes > bytesMax && entries.length > 0) return inOrder(chatId, entries, reverse);
        entries.push(entry);
      }
      if (rows.length === 0 || entries.length >= most) return inOrder(chatId, entries, reverse);
    }
  } finally {
    await iterator.close();
  }
}

/** Ascending, and dense: a gap means that the disk has lost something, which must not pass for the truth. */
function inOrder(chatId: ChatId, entries: Entry[], reversed: boolean): readonly Entry[] {
  if (reversed) entries.reverse();
  const first = entries[0]?.seq ?? 0;
  for (const [at, { seq }] of entries.entries()) assert(seq === first + at, `the log of chat ${chatId} is damaged: after ${first + at - 1} comes ${seq}`);
  return entries;
}
