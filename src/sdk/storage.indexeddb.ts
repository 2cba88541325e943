// A device's storage in the browser: IndexedDB, with a Web Lock as the outbox's exclusive lock.
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb';
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { type Change, type ChatPlace, type DeviceStorage, type EntryRange, type Kept, type Login, type OutboxItem, type Roster, StorageInUse } from './storage.ts';

interface Schema extends DBSchema {
  meta: { key: string; value: Login | string | number | null };
  places: { key: string; value: ChatPlace };
  rosters: { key: string; value: Roster };
  outbox: { key: number; value: OutboxItem };
  entries: { key: [string, number]; value: Entry };
}
type Db = IDBPDatabase<Schema>;
const stores = ['meta', 'places', 'rosters', 'outbox', 'entries'] as const;
type Transaction = IDBPTransaction<Schema, (typeof stores)[number][], 'readwrite'>;

export interface IndexedDbOptions {
  readonly entriesPerChatMax?: number;
  /** What a second tab does: reject with StorageInUse (the default), or wait until the first is gone. */
  readonly whenInUse?: 'reject' | 'wait';
}

/** `name` is the database's. Keeps all entries unless told otherwise. */
export function indexedDbStorage(name: string, { entriesPerChatMax = Number.POSITIVE_INFINITY, whenInUse = 'reject' }: IndexedDbOptions = {}): DeviceStorage {
  let db: Db | undefined;
  let release: (() => void) | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const opened = (): Db => {
    if (db === undefined) throw new Error('open the storage first');
    return db;
  };
  return {
    entriesPerChatMax,
    async open() {
      release = await lock(`parley ${name}`, whenInUse);
      db = await openDB<Schema>(name, 1, { upgrade: create });
      return await keptIn(db);
    },
    async write(changes, { sync }) {
      const transaction = opened().transaction([...stores], 'readwrite', { durability: sync ? 'strict' : 'relaxed' }) as Transaction;
      const written = perform(transaction, changes);
      last = Promise.allSettled([last, written]);
      await written;
    },
    async entries(chatId, range) {
      return await entriesIn(opened(), chatId, range);
    },
    async close() {
      await last;
      db?.close();
      db = undefined;
      release?.();
    },
  };
}

/** Resolves with what gives the lock back. Held until then, or until the tab is gone. */
function lock(name: string, whenInUse: 'reject' | 'wait'): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(name, { ifAvailable: whenInUse === 'reject' }, (granted) => {
      if (granted === null) throw new StorageInUse('another tab works with this account');
      return new Promise<void>((release) => resolve(release));
    });
    held.catch(reject);
  });
}

function create(db: Db): void {
  db.createObjectStore('meta');
  db.createObjectStore('places', { keyPath: 'chatId' });
  db.createObjectStore('rosters', { keyPath: 'chatId' });
  db.createObjectStore('outbox', { keyPath: 'key' });
  db.createObjectStore('entries', { keyPath: ['chatId', 'seq'] });
}

async function keptIn(db: Db): Promise<Kept> {
  const [login, incarnation, lastNumber, places, rosters, outbox] = await Promise.all([
    db.get('meta', 'login'),
    db.get('meta', 'incarnation'),
    db.get('meta', 'lastNumber'),
    db.getAll('places'),
    db.getAll('rosters'),
    db.getAll('outbox'),
  ]);
  return {
    login: (login as Login | null | undefined) ?? null,
    incarnation: (incarnation as string | undefined) ?? '',
    lastNumber: (lastNumber as number | undefined) ?? 0,
    places,
    rosters,
    outbox,
  };
}

/** Requests of one transaction run in the order in which they are made, so nothing needs to be awaited between. */
async function perform(transaction: Transaction, changes: readonly Change[]): Promise<void> {
  const asked = changes.flatMap((change) => request(transaction, change));
  await Promise.all([...asked, transaction.done]);
}

function request(transaction: Transaction, change: Change): Promise<unknown>[] {
  switch (change.kind) {
    case 'login':
      return [transaction.objectStore('meta').put(change.login, 'login')];
    case 'newHistory':
      return [
        transaction.objectStore('meta').put(change.incarnation, 'incarnation'),
        transaction.objectStore('places').clear(),
        transaction.objectStore('rosters').clear(),
        transaction.objectStore('entries').clear(),
      ];
    case 'place':
      return [transaction.objectStore('places').put(change.place)];
    case 'roster':
      return [transaction.objectStore('rosters').put(change.roster)];
    case 'entry':
      return [transaction.objectStore('entries').put(change.entry)];
    case 'trim':
      return [transaction.objectStore('entries').delete(IDBKeyRange.bound([change.chatId, change.after], [change.chatId, change.upTo], true, false))];
    case 'outbox':
      return [transaction.objectStore('outbox').put(change.item)];
    case 'outboxDone':
      return [transaction.objectStore('outbox').delete(change.key)];
    case 'lastNumber':
      return [transaction.objectStore('meta').put(change.number, 'lastNumber')];
  }
}

async function entriesIn(db: Db, chatId: ChatId, { after, before, limit, from }: EntryRange): Promise<readonly Entry[]> {
  if (before <= after + 1) return [];
  const range = IDBKeyRange.bound([chatId, after], [chatId, before], true, true);
  if (from === 'first') return await db.getAll('entries', range, limit);
  const found: Entry[] = [];
  let cursor = await db.transaction('entries').store.openCursor(range, 'prev');
  while (cursor !== null && found.length < limit) {
    found.push(cursor.value);
    cursor = await cursor.continue();
  }
  return found.reverse();
}
