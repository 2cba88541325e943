// What every device storage promises, whatever it keeps things in. Runs in Node and, bundled, in a browser.
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { Change, ChatPlace, DeviceStorage, EntryRange, Login, OutboxItem, Roster } from '../../src/sdk/storage.ts';
import { StorageInUse } from '../../src/sdk/storage.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

/** One place on disk: what is opened there later finds what was written there earlier. */
export interface Place {
  storage(): DeviceStorage;
  /** Closes nothing of what the test opened. */
  remove(): Promise<void>;
}

export interface StoragePromise {
  readonly says: string;
  run(place: Place, check: Check): Promise<void>;
}
/** The two assertions that the suite needs; node:assert has them, a browser gets its own. */
export interface Check {
  deepEqual(actual: unknown, expected: unknown): void;
  rejects(promise: Promise<unknown>, like: new (...of: never[]) => Error): Promise<void>;
}

const chat = idFrom<'chat'>('g', new Uint8Array(15).fill(1));
const other = idFrom<'chat'>('g', new Uint8Array(15).fill(2));
const ann = idFrom<'user'>('u', new Uint8Array(15).fill(3));
const phone = idFrom<'device'>('d', new Uint8Array(15).fill(4));

const login: Login = { url: 'http://127.0.0.1:1', userId: ann, deviceId: phone, handle: 'ann', accessToken: 'a', accessExpiresAtMs: 5, refreshToken: 'r' };
const all: EntryRange = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: 100, from: 'first' };

export const storagePromises: readonly StoragePromise[] = [
  {
    says: 'a new storage is empty, and what is written is found again after closing and opening',
    async run(place, check) {
      const first = place.storage();
      check.deepEqual(await first.open(), { login: null, incarnation: '', lastNumber: 0, places: [], rosters: [], outbox: [] });
      const kept = { login, incarnation: 'i1', lastNumber: 2 ** 52, places: [placeOf(chat, 2)], rosters: [rosterOf(chat)], outbox: [itemOf(9), itemOf(2 ** 51)] };
      await first.write([{ kind: 'newHistory', incarnation: 'i1' }], { sync: false });
      await first.write(
        [
          { kind: 'login', login },
          { kind: 'lastNumber', number: 2 ** 52 },
        ],
        { sync: true },
      );
      await first.write(
        [itemPut(2 ** 51), itemPut(9), { kind: 'place', place: placeOf(chat, 2) }, { kind: 'roster', roster: rosterOf(chat) }, entryPut(chat, 1), entryPut(chat, 2)],
        { sync: true },
      );
      await first.close();
      const second = place.storage();
      check.deepEqual(await second.open(), kept);
      check.deepEqual(await second.entries(chat, all), [entryOf(chat, 1), entryOf(chat, 2)]);
      await second.close();
    },
  },
  {
    says: 'a second one on the same place is refused while the first is open, and works once it is closed',
    async run(place, check) {
      const first = place.storage();
      await first.open();
      await check.rejects(place.storage().open(), StorageInUse);
      await first.close();
      const second = place.storage();
      await second.open();
      await second.close();
    },
  },
  {
    says: 'entries are read by range, from either end, always ascending, and of one chat only',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      await storage.write(
        [1, 2, 3, 5, 9, 10, 11, 1_000].map((seq) => entryPut(chat, seq)),
        { sync: false },
      );
      await storage.write([entryPut(other, 4)], { sync: false });
      const seqs = async (range: Partial<EntryRange>) => (await storage.entries(chat, { ...all, ...range })).map(({ seq }) => seq);
      check.deepEqual(await seqs({}), [1, 2, 3, 5, 9, 10, 11, 1_000]);
      check.deepEqual(await seqs({ after: 2, before: 11 }), [3, 5, 9, 10]);
      check.deepEqual(await seqs({ after: 2, limit: 2 }), [3, 5]);
      check.deepEqual(await seqs({ before: 1_000, limit: 2, from: 'last' }), [10, 11]);
      check.deepEqual(await seqs({ after: 9, before: 10 }), []);
      check.deepEqual(await seqs({ after: 2_000 }), []);
      await storage.close();
    },
  },
  {
    says: 'what is put again replaces what was there',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      await storage.write([itemPut(9), { kind: 'place', place: placeOf(chat, 2) }, entryPut(chat, 1)], { sync: false });
      const renumbered = { ...itemOf(9), number: 77 };
      const rewritten = { ...entryOf(chat, 1), atMs: 99 };
      await storage.write(
        [
          { kind: 'outbox', item: renumbered },
          { kind: 'place', place: placeOf(chat, 5) },
          { kind: 'entry', entry: rewritten },
          { kind: 'login', login },
        ],
        { sync: false },
      );
      await storage.write([{ kind: 'login', login: null }], { sync: false });
      check.deepEqual(await storage.entries(chat, all), [rewritten]);
      await storage.close();
      const kept = await openedAgain(place);
      check.deepEqual([kept.outbox, kept.places, kept.login], [[renumbered], [placeOf(chat, 5)], null]);
    },
  },
  {
    says: 'what left the outbox stays out of it',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      await storage.write([itemPut(1), itemPut(2), itemPut(3)], { sync: true });
      await storage.write(
        [
          { kind: 'outboxDone', key: 2 },
          { kind: 'outboxDone', key: 50 },
        ],
        { sync: false },
      );
      await storage.close();
      check.deepEqual((await openedAgain(place)).outbox, [itemOf(1), itemOf(3)]);
    },
  },
  {
    says: 'trimming takes exactly its range of one chat',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      await storage.write(
        [1, 2, 3, 4, 5].flatMap((seq) => [entryPut(chat, seq), entryPut(other, seq)]),
        { sync: false },
      );
      await storage.write([{ kind: 'trim', chatId: chat, after: 1, upTo: 3 }], { sync: false });
      check.deepEqual(
        (await storage.entries(chat, all)).map(({ seq }) => seq),
        [1, 4, 5],
      );
      check.deepEqual((await storage.entries(other, all)).length, 5);
      await storage.close();
    },
  },
  {
    says: 'a new history forgets entries, places and rosters and keeps login, numbers and outbox; what follows in the same write belongs to the new one',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      await storage.write(
        [
          { kind: 'login', login },
          itemPut(1),
          { kind: 'lastNumber', number: 8 },
          entryPut(chat, 1),
          { kind: 'place', place: placeOf(chat, 1) },
          { kind: 'roster', roster: rosterOf(chat) },
        ],
        { sync: true },
      );
      await storage.write([entryPut(chat, 2), { kind: 'newHistory', incarnation: 'i2' }, entryPut(chat, 7), { kind: 'place', place: placeOf(other, 7) }], { sync: false });
      check.deepEqual(
        (await storage.entries(chat, all)).map(({ seq }) => seq),
        [7],
      );
      await storage.close();
      check.deepEqual(await openedAgain(place), { login, incarnation: 'i2', lastNumber: 8, places: [placeOf(other, 7)], rosters: [], outbox: [itemOf(1)] });
    },
  },
  {
    says: 'writes that were not awaited still come one after the other, and closing waits for them',
    async run(place, check) {
      const storage = place.storage();
      await storage.open();
      const writes = [1, 2, 3, 4, 5, 6, 7, 8].map((seq) => storage.write([{ kind: 'place', place: placeOf(chat, seq) }, entryPut(chat, seq)], { sync: seq % 3 === 0 }));
      await Promise.all([...writes, storage.close()]);
      const again = place.storage();
      check.deepEqual((await again.open()).places, [placeOf(chat, 8)]);
      check.deepEqual((await again.entries(chat, all)).length, 8);
      await again.close();
    },
  },
];

/** What a fresh opening of the place finds. */
async function openedAgain(place: Place): Promise<Awaited<ReturnType<DeviceStorage['open']>>> {
  const storage = place.storage();
  const kept = await storage.open();
  await storage.close();
  return kept;
}

function entryPut(chatId: ChatId, seq: number): Change {
  return { kind: 'entry', entry: entryOf(chatId, seq) };
}

function itemPut(key: number): Change {
  return { kind: 'outbox', item: itemOf(key) };
}

export function entryOf(chatId: ChatId, seq: number): Entry {
  const author: UserId = ann;
  const device: DeviceId = phone;
  return {
    chatId,
    seq,
    entryKind: entryKinds.message,
    author,
    device,
    number: 1_000 + seq,
    countable: seq,
    atMs: 10 * seq,
    contentType: 'text/plain',
    body: new Uint8Array([seq & 255, 2]),
  };
}

function itemOf(key: number): OutboxItem {
  return { key, number: key, chatId: chat, command: { kind: 'send', contentType: 'text/plain', body: new Uint8Array([1, 2, 3]), peer: null }, atMs: 5, sentSeq: null };
}

function rosterOf(chatId: ChatId): Roster {
  return { chatId, seq: 1, receiptsVersion: 3, members: [{ userId: ann, role: 'owner', joinedSeq: 1, delivered: 1, read: 0 }] };
}

function placeOf(chatId: ChatId, seq: number): ChatPlace {
  return {
    chatId,
    seq,
    heard: seq,
    floor: 0,
    countable: null,
    atMs: 4,
    accepted: 2 ** 50,
    fromOthers: 1,
    read: 1,
    readCountable: 1,
    ownAfterRead: 0,
    deliveredTold: 1,
    readTold: 0,
    title: 'ä',
    peer: null,
    member: true,
  };
}
