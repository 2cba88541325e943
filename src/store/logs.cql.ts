// How the logs lie in CQL: buckets, each a partition, whose statics say where the log stands; and the statements about them.
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import type { OpenLog, Tip } from './messages.ts';
import type { CqlSession, ReadOptions, Row, Statement } from './session.cql.ts';

/** Entries of a bucket, about: the append that passes the boundary stays whole, in the bucket in which it begins. So a bucket may hold the first of the next one's seqs. */
export const bucketEntries = 1_024;

/** The bucket in which `seq` lies, unless an append that begins in the one before reaches up to it. */
export const bucketOf = (seq: number): number => Math.floor((seq - 1) / bucketEntries);

/** Where a log stands. */
export interface Head {
  /** The newest one that was begun. */
  readonly bucket: number;
  readonly tip: Tip;
  readonly lastSeq: number;
}

/** Nothing is appended to that bucket any more. It is the tip that says so: whoever builds on it goes on in another bucket. */
export const isClosed = ({ bucket, lastSeq }: Head): boolean => lastSeq >= (bucket + 1) * bucketEntries;

/** What `SELECT` says of a bucket. */
export interface Bucket extends Head {
  readonly fold: OpenLog['fold'];
}

export interface Slice {
  readonly chatId: ChatId;
  readonly bucket: number;
  readonly from: number;
  readonly to: number;
  readonly newestFirst: boolean;
  readonly limit: number;
}

export class Logs {
  readonly #session: CqlSession;
  readonly #texts: ReturnType<typeof textsOf>;

  constructor(session: CqlSession) {
    this.#session = session;
    this.#texts = textsOf(session.keyspace);
  }

  /** Undefined: not begun. */
  async bucket(chatId: ChatId, bucket: number, options: ReadOptions = {}): Promise<Bucket | undefined> {
    const row = await this.#session.one(this.#texts.statics, [chatId, bucket], options);
    if (row === undefined || row['tip'] === null) return undefined;
    const fold = row['fold'] === null ? undefined : { seq: Number(row['fold_seq']), bytes: bytesOf(row['fold']) };
    return { bucket, tip: Number(row['tip']), lastSeq: Number(row['last_seq']), fold };
  }

  /** The newest bucket. From a lower bound that is kept beside the log it walks over closed ones; nearly all chats have but the first. */
  async newest(chatId: ChatId, options: ReadOptions = {}): Promise<Bucket> {
    const [first, known] = await Promise.all([this.bucket(chatId, 0, options), this.#session.one(this.#texts.hint, [chatId])]);
    const newest: Bucket = first ?? { bucket: 0, tip: 0, lastSeq: 0, fold: undefined };
    return this.#onFrom(chatId, newest, Number(known?.['bucket'] ?? 0), options);
  }

  /** The newest bucket, for whoever knows one that was begun, or an entry that there is: one read as a rule. */
  async newestFrom(chatId: ChatId, known: number | null, seq: number): Promise<Bucket> {
    const from = known ?? Math.max(0, bucketOf(seq));
    const found = (await this.bucket(chatId, from)) ?? (from > 0 ? await this.bucket(chatId, from - 1) : undefined);
    if (found === undefined) return this.newest(chatId);
    if (!isClosed(found)) return found;
    const hint = await this.#session.one(this.#texts.hint, [chatId]);
    return this.#onFrom(chatId, found, Number(hint?.['bucket'] ?? 0), {});
  }

  async #onFrom(chatId: ChatId, bucket: Bucket, known: number, options: ReadOptions): Promise<Bucket> {
    let newest = bucket;
    let next = Math.max(known, bucketOf(newest.lastSeq + 1));
    while (isClosed(newest)) {
      const begun = await this.bucket(chatId, next, options);
      if (begun === undefined) break;
      newest = begun;
      next = bucketOf(newest.lastSeq + 1);
    }
    return newest;
  }

  /** Only a shorter way to the newest bucket: may be lost. */
  async hint(chatId: ChatId, bucket: number): Promise<void> {
    await this.#session.write(this.#texts.keepHint, [bucket, bucket, chatId]);
  }

  async *rows({ chatId, bucket, from, to, newestFirst, limit }: Slice, serial: boolean): AsyncGenerator<readonly Row[]> {
    const query = newestFirst ? this.#texts.newestFirst : this.#texts.oldestFirst;
    const fetchSize = Math.min(limit, pageEntries);
    let pageState: string | undefined;
    do {
      const page = await this.#session.page(query, [chatId, bucket, from, to, limit], { serial, fetchSize, pageState });
      yield page.rows;
      pageState = page.next;
    } while (pageState !== undefined);
  }

  /** Whether the entry at `seq` came with the append `tip`, whatever is still on its way. */
  async cameWith(chatId: ChatId, seq: number, tip: Tip): Promise<boolean> {
    for (const bucket of new Set([bucketOf(seq), Math.max(0, bucketOf(seq) - 1)])) {
      const row = await this.#session.one(this.#texts.appendId, [chatId, bucket, seq], { serial: true });
      if (row !== undefined) return Number(row['append_id']) === tip;
    }
    return false;
  }

  /** The one conditional, single-partition batch that makes an append. `builtOn`: null where the bucket must not have been begun. */
  extension(entries: readonly Entry[], head: Head, builtOn: Tip | null, { owner, fold }: { readonly owner: string; readonly fold: OpenLog['fold'] }): readonly Statement[] {
    const { insert, extend, extendFolded } = this.#texts;
    const { bucket, tip, lastSeq } = head;
    const { chatId } = entries[0] as Entry;
    const statics = [tip, lastSeq, owner, isClosed(head)];
    const update =
      fold === undefined
        ? { query: extend, params: [...statics, chatId, bucket, builtOn] }
        : { query: extendFolded, params: [...statics, bufferOf(fold.bytes), fold.seq, chatId, bucket, builtOn] };
    return [update, ...entries.map((entry) => ({ query: insert, params: paramsOf(entry, bucket, tip) }))];
  }
}

/** Of the largest body: 4 MB. */
const pageEntries = 64;

function textsOf(keyspace: string) {
  const log = `${keyspace}.log`;
  const columns = 'seq, kind, author, device, number, countable, at, content_type, body, last_seq';
  return {
    statics: `SELECT DISTINCT chat_id, bucket, tip, last_seq, fold, fold_seq FROM ${log} WHERE chat_id = ? AND bucket = ?`,
    oldestFirst: `SELECT ${columns} FROM ${log} WHERE chat_id = ? AND bucket = ? AND seq >= ? AND seq <= ? ORDER BY seq ASC LIMIT ?`,
    newestFirst: `SELECT ${columns} FROM ${log} WHERE chat_id = ? AND bucket = ? AND seq >= ? AND seq <= ? ORDER BY seq DESC LIMIT ?`,
    appendId: `SELECT append_id FROM ${log} WHERE chat_id = ? AND bucket = ? AND seq = ?`,
    insert: `INSERT INTO ${log} (chat_id, bucket, seq, append_id, kind, author, device, number, countable, at, content_type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    extend: `UPDATE ${log} SET tip = ?, last_seq = ?, owner = ?, closed = ? WHERE chat_id = ? AND bucket = ? IF tip = ?`,
    extendFolded: `UPDATE ${log} SET tip = ?, last_seq = ?, owner = ?, closed = ?, fold = ?, fold_seq = ? WHERE chat_id = ? AND bucket = ? IF tip = ?`,
    hint: `SELECT bucket FROM ${keyspace}.chats WHERE chat_id = ?`,
    keepHint: `UPDATE ${keyspace}.chats USING TIMESTAMP ? SET bucket = ? WHERE chat_id = ?`,
  };
}

function paramsOf({ chatId, seq, entryKind, author, device, number, countable, atMs, contentType, body }: Entry, bucket: number, tip: Tip): readonly unknown[] {
  return [chatId, bucket, seq, tip, entryKind, author, device, number, countable, atMs, contentType, bufferOf(body)];
}

export function entryIn(chatId: ChatId, row: Row): Entry {
  return {
    chatId,
    seq: Number(row['seq']),
    entryKind: row['kind'],
    author: row['author'],
    device: row['device'],
    number: Number(row['number']),
    countable: Number(row['countable']),
    atMs: (row['at'] as Date).getTime(),
    contentType: row['content_type'],
    body: bytesOf(row['body']),
  };
}

/** A plain view: a Buffer's `slice` does not copy. */
export function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
