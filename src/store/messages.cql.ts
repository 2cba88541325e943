// The logs on CQL (Cassandra and ScyllaDB): each append is one conditional batch of one partition, IF tip = the one it was built on. Whoever else may believe to own the chat, one wins.
import type { ChatId } from '../structures/ids.ts';
import { Lru } from '../structures/lru.ts';
import { checkAppend } from './appends.ts';
import { StoreRefused, StoreUnavailable, Superseded } from './faults.ts';
import { bucketEntries, bucketOf, type Head, isClosed, type Logs } from './logs.cql.ts';
import type { Append, MessageStore, OpenLog } from './messages.ts';
import { Reading } from './reading.cql.ts';
import type { CqlSession } from './session.cql.ts';

export interface CqlMessagesOptions {
  /** The node whose name stands in the statics of what it wrote last. */
  readonly owner: string;
  /** Chats whose heads are held, at about 300 bytes each. */
  readonly headsMax?: number;
  /** A chat is read anew: whatever else is held of it is to be forgotten. */
  readonly onOpen: (chatId: ChatId) => void;
}

export interface CqlMessages extends MessageStore {
  readonly counts: { appends: number; superseded: number };
  /** Refuses further appends; resolves when those under way are answered. */
  finish(): Promise<void>;
}

/** So that an append reaches into the next bucket's seqs at most: whoever reads looks no further back. */
const entriesMax = bucketEntries;

export function cqlMessages(session: CqlSession, logs: Logs, { owner, headsMax = 50_000, onOpen }: CqlMessagesOptions): CqlMessages {
  const heads = new Lru<ChatId, Head>(headsMax);
  const last = new Map<ChatId, Promise<unknown>>();
  const underWay = new Set<Promise<unknown>>();
  const counts = { appends: 0, superseded: 0 };
  let isClosing = false;
  const reading = new Reading(logs, (chatId) => heads.peek(chatId));
  const work = { session, logs, heads, owner, counts };

  return {
    counts,

    async finish() {
      isClosing = true;
      while (underWay.size > 0) await Promise.all(underWay);
    },

    async open(chatId) {
      await last.get(chatId);
      onOpen(chatId);
      const { fold, ...head } = await logs.newest(chatId);
      heads.set(chatId, head);
      return { tip: head.tip, lastSeq: head.lastSeq, fold };
    },

    append(append) {
      if (isClosing) return Promise.reject(new StoreUnavailable('the store is being closed'));
      const { chatId } = append;
      const before = last.get(chatId);
      const appended = before === undefined ? extend(work, append) : before.then(() => extend(work, append));
      const settled = appended.then(
        () => {},
        () => {},
      );
      last.set(chatId, settled);
      underWay.add(settled);
      void settled.then(() => {
        underWay.delete(settled);
        if (last.get(chatId) === settled) last.delete(chatId);
      });
      return appended;
    },

    async stands(chatId, tip) {
      await last.get(chatId);
      const bucket = heads.peek(chatId)?.bucket ?? (await logs.newest(chatId)).bucket;
      const found = await logs.bucket(chatId, bucket, { serial: true });
      if ((found?.tip ?? 0) !== tip) return false;
      return found === undefined || !isClosed(found) || (await logs.bucket(chatId, bucketOf(found.lastSeq + 1), { serial: true })) === undefined;
    },

    read: (chatId, range) => reading.read(chatId, range),
  };
}

interface Work {
  readonly session: CqlSession;
  readonly logs: Logs;
  readonly heads: Lru<ChatId, Head>;
  readonly owner: string;
  readonly counts: { appends: number; superseded: number };
}

async function extend(work: Work, append: Append): Promise<void> {
  const { session, logs, heads, owner, counts } = work;
  const { chatId, entries, builtOn, tip } = append;
  const held = heads.get(chatId);
  const head = held?.tip === builtOn ? held : await logs.newest(chatId);
  if (head.tip !== builtOn) return again(work, append);
  checkAppend(append, head.lastSeq);
  if (entries.length > entriesMax) throw new StoreRefused(`an append holds at most ${entriesMax} entries, not ${entries.length}`);
  const begins = head.lastSeq === 0 || isClosed(head);
  const next: Head = { bucket: begins ? bucketOf(head.lastSeq + 1) : head.bucket, tip, lastSeq: head.lastSeq + entries.length };
  const fold = await foldFor(logs, append, head, next);
  heads.delete(chatId); // until it is answered nothing is known
  const isApplied = await session.decide(logs.extension(entries, next, begins ? null : builtOn, { owner, fold }));
  if (!isApplied) return again(work, append);
  counts.appends += 1;
  heads.set(chatId, next);
  if (next.bucket > head.bucket) await logs.hint(chatId, next.bucket).catch(() => undefined);
}

/** Refused: an earlier submission of the same append has been carried out, or somebody else has written and this one never will be. */
async function again({ logs, heads, counts }: Work, { chatId, entries, tip }: Append): Promise<void> {
  heads.delete(chatId);
  const first = entries[0]?.seq ?? 0;
  if (first > 0 && (await logs.cameWith(chatId, first, tip))) return;
  counts.superseded += 1;
  throw new Superseded(`somebody else has written to chat ${chatId}`);
}

/** A fold lies in the newest bucket, so that a chat wakes with one read: the last one moves along. */
async function foldFor(logs: Logs, { chatId, fold }: Append, head: Head, next: Head): Promise<OpenLog['fold']> {
  if (fold !== undefined) return { seq: next.lastSeq, bytes: fold };
  return next.bucket > head.bucket ? (await logs.bucket(chatId, head.bucket))?.fold : undefined;
}
