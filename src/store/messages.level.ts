// The logs in the embedded store: their ends in the journal and in memory, all before them in packs in the database.
import assert from 'node:assert/strict';
import { encodeEntry, encodeEntryShared } from '../protocol/codec.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { checkAppend } from './appends.ts';
import type { Committer } from './committer.level.ts';
import { Superseded } from './faults.ts';
import type { Head, Heads } from './heads.level.ts';
import type { Home } from './home.level.ts';
import { afterNumber, foldKey, logKey, readNumber } from './keys.level.ts';
import type { Append, MessageStore, OpenLog, Range, Tip } from './messages.ts';
import { isFiled, type Packed, packOf, packsIn, recordsIn } from './packs.level.ts';
import type { Reads } from './reads.level.ts';
import { entriesOf, placeOf, type Records, tipAt } from './records.level.ts';

/** What a record has beside its body, about. */
const rowBytes = 200;
const readBytesMax = 4 * 1024 * 1024;
const packsAtOnce = 64;

export function levelMessages(home: Home, committer: Committer, heads: Heads, reads: Reads): MessageStore {
  return {
    open: (chatId) => open(home, committer, heads, chatId),
    append(append) {
      const held = heads.held(append.chatId);
      if (held !== undefined) return extend(home, committer, held, append);
      return heads.with(append.chatId, (head) => extend(home, committer, head, append));
    },
    stands: (chatId, tip) => heads.with(chatId, async (head) => (await durableTip(heads, chatId, head)) === tip),
    read: (chatId, range) => readRange({ home, committer, reads }, chatId, range),
  };
}

/** In one turn where the append fits: nobody comes between the check and the write. */
function extend(home: Home, committer: Committer, head: Head, append: Append): Promise<void> {
  try {
    if (append.builtOn !== head.tip) return again(home, committer, head, append);
    checkAppend(append, head.lastSeq);
    const { chatId, entries, tip, fold, frames } = append;
    const group = committer.gather();
    const encoded = frames ?? encodedOf(entries); // before anything is written: an entry that cannot be encoded leaves nothing behind
    group.append(chatId, head.lastSeq + 1, tip, encoded, fold, frames !== undefined);
    head.tip = tip;
    head.lastSeq += entries.length;
    head.group = group;
    return group.durable;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Of a single one, what stands in the codec's shared buffer. */
function encodedOf(entries: readonly Entry[]): readonly Uint8Array[] {
  return entries.length === 1 ? [encodeEntryShared(entries[0] as Entry)] : entries.map(encodeEntry);
}

/** An append that is not built on the tip: it stands already, or somebody else has written. */
async function again(home: Home, committer: Committer, head: Head, { chatId, entries, tip }: Append): Promise<void> {
  const first = entries[0]?.seq ?? 0;
  if (first > 0 && first <= head.lastSeq) {
    await head.group?.durable;
    const tail = committer.recent.recordsOf(chatId).find(({ firstSeq, lastSeq }) => firstSeq <= first && first <= lastSeq);
    const records = tail ?? (await home.read((database) => packOf({ database, packs: home.packs }, chatId, first)));
    if (records !== undefined && tipAt(records.bytes, placeOf(records, first)) === tip) return;
  }
  throw new Superseded(`somebody else has written to chat ${chatId}`);
}

async function durableTip(heads: Heads, chatId: ChatId, head: Head): Promise<Tip> {
  try {
    await head.group?.durable;
    return head.tip;
  } catch {
    return heads.with(chatId, (loaded) => Promise.resolve(loaded.tip)); // it failed, and the head with it
  }
}

async function open(home: Home, committer: Committer, heads: Heads, chatId: ChatId): Promise<OpenLog> {
  for (;;) {
    const { tip, lastSeq } = await heads.with(chatId, async (head) => {
      await head.group?.durable.catch(() => {});
      return head;
    });
    const fold = committer.recent
      .tailsOf(chatId)
      .map((tail) => tail.fold)
      .findLast((kept) => kept !== undefined);
    if (fold !== undefined) return { tip, lastSeq, fold };
    const row = await home.read((database) => database.get(foldKey(chatId)));
    const held = heads.held(chatId);
    if (held !== undefined && (held.tip !== tip || held.lastSeq !== lastSeq)) continue; // it failed, or another append has come
    return { tip, lastSeq, fold: row && { seq: readNumber(row, 0), bytes: afterNumber(row) } };
  }
}

interface Sources {
  readonly home: Home;
  readonly committer: Committer;
  readonly reads: Reads;
}

async function readRange(sources: Sources, chatId: ChatId, range: Range): Promise<readonly Entry[]> {
  const first = Math.max(1, range.after + 1);
  if (range.before <= first || range.limit <= 0) return [];
  return sources.committer.recent.whileReading(() => readFrom(sources, chatId, range, first));
}

function readFrom(sources: Sources, chatId: ChatId, range: Range, first: number): Promise<readonly Entry[]> {
  // As they are now: what goes into the database meanwhile is still in these.
  const tails = sources.committer.recent.recordsOf(chatId).map(({ firstSeq, lastSeq, bytes }) => ({ firstSeq, lastSeq, bytes }));
  const asked = { first, last: range.before - 1, range };
  return range.from === 'first' ? readForward(sources, chatId, tails, asked) : readBackward(sources, chatId, tails, asked);
}

interface Asked {
  readonly first: number;
  readonly last: number;
  readonly range: Range;
}

async function readForward(sources: Sources, chatId: ChatId, tails: readonly Records[], asked: Asked): Promise<readonly Entry[]> {
  const before = (tails[0]?.firstSeq ?? Number.MAX_SAFE_INTEGER) - 1;
  let wanted = new Wanted(asked);
  if (asked.first <= before) {
    const newest = await packUpTo(sources, chatId, Math.min(asked.last, before));
    if (newest !== undefined && newest.firstSeq <= asked.first) wanted.takeFirst(newest);
    else wanted = await readPacks(sources, chatId, { ...asked, last: Math.min(asked.last, before) }, wanted);
  }
  for (const tail of tails) if (wanted.takeFirst(tail)) break;
  return inOrder(chatId, wanted.entries);
}

async function readBackward(sources: Sources, chatId: ChatId, tails: readonly Records[], asked: Asked): Promise<readonly Entry[]> {
  const newest = new Wanted(asked);
  const isEnough = tails.toReversed().some((tail) => newest.takeLast(tail));
  const last = Math.min(asked.last, (tails[0]?.firstSeq ?? Number.MAX_SAFE_INTEGER) - 1);
  const wanted = isEnough || asked.first > last ? newest : await readPacks(sources, chatId, { ...asked, last }, newest);
  return inOrder(chatId, wanted.entries.toReversed());
}

/** The one that ends there, if one does. Who was away for a moment and asks for all up to the end finds there what is missing, and it costs one row. */
async function packUpTo({ home, reads }: Sources, chatId: ChatId, lastSeq: number): Promise<Records | undefined> {
  const key = logKey(chatId, lastSeq);
  const row = await reads.get(key);
  if (row === undefined) return undefined;
  const records = (): Promise<Records> => recordsIn({ key, row, packs: home.packs });
  return isFiled(row) ? reads.read(records) : records();
}

function readPacks({ home, reads }: Sources, chatId: ChatId, asked: Asked, wanted: Wanted): Promise<Wanted> {
  return reads.read((database) => fromPacks({ database, packs: home.packs }, chatId, asked, wanted.copy())); // a copy: it may be tried again
}

async function fromPacks(packed: Packed, chatId: ChatId, { first, last, range }: Asked, wanted: Wanted): Promise<Wanted> {
  const reverse = range.from === 'last';
  const entries = Math.min(range.limit, last - first + 1);
  const bytes = Math.min(range.bytesMax, readBytesMax) + entries * rowBytes;
  for await (const pack of packsIn(packed, chatId, { first, last, reverse, bytes, entries: Math.min(entries, packsAtOnce) })) {
    if (reverse ? wanted.takeLast(pack) : wanted.takeFirst(pack)) break;
  }
  return wanted;
}

/** Gathers entries until it has as many, or as many bytes, as were asked for. */
class Wanted {
  readonly #asked: Asked;
  #bytes = 0;
  entries: Entry[] = [];

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  copy(): Wanted {
    const copy = new Wanted(this.#asked);
    copy.#bytes = this.#bytes;
    copy.entries = [...this.entries];
    return copy;
  }

  /** The oldest of these records. Whether that is enough. */
  takeFirst(records: Records): boolean {
    const { first, last } = this.#asked;
    const from = Math.max(first, records.firstSeq);
    return this.#take(entriesOf(records, from, Math.min(last, from + this.#left - 1)));
  }

  /** The newest of these records, the newest first. Whether that is enough. */
  takeLast(records: Records): boolean {
    const { first, last } = this.#asked;
    const to = Math.min(last, records.lastSeq);
    return this.#take(entriesOf(records, Math.max(first, to - this.#left + 1), to).reverse());
  }

  get #left(): number {
    return this.#asked.range.limit - this.entries.length;
  }

  #take(some: readonly Entry[]): boolean {
    for (const entry of some) {
      this.#bytes += entry.body.byteLength;
      if (this.#bytes > this.#asked.range.bytesMax && this.entries.length > 0) return true;
      this.entries.push(entry);
    }
    return this.#left <= 0;
  }
}

/** Ascending, and dense: a gap means that the disk has lost something, which must not pass for the truth. */
function inOrder(chatId: ChatId, entries: readonly Entry[]): readonly Entry[] {
  const first = entries[0]?.seq ?? 0;
  for (const [at, { seq }] of entries.entries()) assert(seq === first + at, `the log of chat ${chatId} is damaged: after ${first + at - 1} comes ${seq}`);
  return entries;
}
