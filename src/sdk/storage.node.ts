// A device's storage in a folder, for Node: LevelDB, whose LOCK file is the outbox's exclusive lock.
import { decode, encode } from '@msgpack/msgpack';
import { ClassicLevel } from 'classic-level';
import { decodeEntry, encodeEntry } from '../protocol/codec.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { type Change, type ChatPlace, type DeviceStorage, type EntryRange, type Kept, type Login, type OutboxItem, type Roster, StorageInUse } from './storage.ts';

type Db = ClassicLevel<string, Uint8Array>;
type Operation = { readonly type: 'put'; readonly key: string; readonly value: Uint8Array } | { readonly type: 'del'; readonly key: string };

// Keys: `m:` one of a kind, `p:` places, `r:` rosters, `o:` outbox by key, `e:` entries by history, chat and seq.
// A new history gets its own prefix, so that forgetting the old one is one small write; its entries are swept afterwards.
const numberLength = 16;
/** Deletions in one batch while sweeping a forgotten history. */
const sweptAtOnce = 1_000;

/** `folder` is made if need be. Keeps all entries unless told otherwise. */
export function nodeStorage(folder: string, { entriesPerChatMax = Number.POSITIVE_INFINITY }: { readonly entriesPerChatMax?: number } = {}): DeviceStorage {
  const db: Db = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' });
  let history = 0;
  let last: Promise<unknown> = Promise.resolve();
  let sweeping: Promise<void> = Promise.resolve();
  return {
    entriesPerChatMax,
    async open() {
      await openLocked(db, folder);
      history = ((await read(db, 'm:history')) as number | undefined) ?? 0;
      sweeping = sweep(db, history);
      return await keptIn(db);
    },
    write(changes, { sync }) {
      const operations: Operation[] = [];
      const former = history;
      for (const change of changes) {
        if (change.kind === 'newHistory') {
          history += 1;
          operations.push(...forget(operations), put('m:history', history), put('m:incarnation', change.incarnation));
        } else operations.push(...operationsOf(change, history));
      }
      const now = history;
      const written = last.then(async () => {
        if (now !== former) operations.unshift(...(await keysOf(db, ['p:', 'r:'])).map(drop));
        await db.batch(operations, { sync });
        if (now !== former) sweeping = sweeping.then(() => sweep(db, now));
      });
      last = written.catch(() => undefined);
      return written;
    },
    async entries(chatId, { after, before, limit, from }: EntryRange) {
      await last;
      const found: Entry[] = [];
      const range = { gt: entryKey(history, chatId, after), lt: entryKey(history, chatId, Math.min(before, Number.MAX_SAFE_INTEGER)), limit, reverse: from === 'last' };
      for await (const value of db.values(range)) found.push(decodeEntry(value));
      return from === 'last' ? found.reverse() : found;
    },
    async close() {
      await last;
      await sweeping;
      await db.close();
    },
  };
}

async function openLocked(db: Db, folder: string): Promise<void> {
  try {
    await db.open();
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (cause?.code === 'LEVEL_LOCKED') throw new StorageInUse(`another process works with ${folder}`, { cause: error });
    throw error;
  }
}

async function keptIn(db: Db): Promise<Kept> {
  return {
    login: ((await read(db, 'm:login')) as Login | null | undefined) ?? null,
    incarnation: ((await read(db, 'm:incarnation')) as string | undefined) ?? '',
    lastNumber: ((await read(db, 'm:lastNumber')) as number | undefined) ?? 0,
    places: (await valuesOf(db, 'p:')) as ChatPlace[],
    rosters: (await valuesOf(db, 'r:')) as Roster[],
    outbox: (await valuesOf(db, 'o:')) as OutboxItem[],
  };
}

function operationsOf(change: Exclude<Change, { kind: 'newHistory' }>, history: number): Operation[] {
  switch (change.kind) {
    case 'login':
      return [put('m:login', change.login)];
    case 'place':
      return [put(`p:${change.place.chatId}`, change.place)];
    case 'roster':
      return [put(`r:${change.roster.chatId}`, change.roster)];
    case 'entry':
      return [{ type: 'put', key: entryKey(history, change.entry.chatId, change.entry.seq), value: encodeEntry(change.entry) }];
    case 'trim':
      return Array.from({ length: change.upTo - change.after }, (_, at) => drop(entryKey(history, change.chatId, change.after + 1 + at)));
    case 'outbox':
      return [put(outboxKey(change.item.key), change.item)];
    case 'outboxDone':
      return [drop(outboxKey(change.key))];
    case 'lastNumber':
      return [put('m:lastNumber', change.number)];
  }
}

/** Takes places, rosters and entries of the former history out of the same batch again. */
function forget(operations: Operation[]): Operation[] {
  const stay = operations.filter(({ key }) => key.startsWith('m:') || key.startsWith('o:'));
  operations.length = 0;
  return stay;
}

/** Deletes the entries of every history before this one. */
async function sweep(db: Db, history: number): Promise<void> {
  for (;;) {
    const keys = await db.keys({ gte: 'e:', lt: `e:${padded(history)}`, limit: sweptAtOnce }).all();
    if (keys.length === 0) return;
    await db.batch(keys.map(drop));
  }
}

async function keysOf(db: Db, prefixes: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of prefixes) keys.push(...(await db.keys(startingWith(prefix)).all()));
  return keys;
}

async function valuesOf(db: Db, prefix: string): Promise<unknown[]> {
  return (await db.values(startingWith(prefix)).all()).map((value) => decode(value));
}

async function read(db: Db, key: string): Promise<unknown> {
  const value = await db.get(key);
  return value === undefined ? undefined : decode(value);
}

function startingWith(prefix: string): { readonly gte: string; readonly lt: string } {
  return { gte: prefix, lt: `${prefix}\uffff` };
}

function put(key: string, value: unknown): Operation {
  return { type: 'put', key, value: encode(value) };
}

function drop(key: string): Operation {
  return { type: 'del', key };
}

function outboxKey(key: number): string {
  return `o:${padded(key)}`;
}

function entryKey(history: number, chatId: ChatId, seq: number): string {
  return `e:${padded(history)}:${chatId}:${padded(seq)}`;
}

function padded(number: number): string {
  return String(number).padStart(numberLength, '0');
}
