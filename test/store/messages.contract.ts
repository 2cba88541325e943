// What every MessageStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { encodeEntryFrame } from '../../src/protocol/codec.ts';
import { appendBytesMax } from '../../src/store/appends.ts';
import { StoreRefused, Superseded } from '../../src/store/faults.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import { appendOf, chatOf, entryOf, everything, type Opened, type OpenStores, room } from './samples.ts';

const fold = new Uint8Array([1, 2, 3]);

export function messageStoreContract(name: string, open: OpenStores): void {
  describe(`messages, ${name}`, () => {
    let opened: Opened;
    let messages: MessageStore;
    beforeEach(async () => {
      opened = await open();
      messages = opened.stores.messages;
    });
    afterEach(() => opened.end());

    test('a chat that does not exist is an empty log', async () => {
      assert.deepEqual(await messages.open(room), { tip: 0, lastSeq: 0, fold: undefined });
      assert.deepEqual(await messages.read(room, everything), []);
      assert.equal(await messages.stands(room, 0), true);
    });

    test('an append gives the log its tip, its last seq, its fold and its entries', async () => {
      const append = appendOf(room, { count: 3, tip: 11, fold });
      await messages.append(append);
      const log = await messages.open(room);
      assert.deepEqual([log.tip, log.lastSeq, log.fold?.seq], [11, 3, 3]);
      assert.deepEqual(new Uint8Array(log.fold?.bytes ?? []), fold);
      assert.deepEqual(await messages.read(room, everything), append.entries);
      assert.deepEqual([await messages.stands(room, 11), await messages.stands(room, 0)], [true, false]);
    });

    test('entries come back as they were, empty bodies and large numbers included', async () => {
      const entries = [
        { ...entryOf(room, 1, ''), contentType: '' },
        { ...entryOf(room, 2, new Uint8Array(64 * 1024).fill(7)), number: Number.MAX_SAFE_INTEGER, entryKind: 200 as 1 },
      ];
      await messages.append({ chatId: room, entries, builtOn: 0, tip: Number.MAX_SAFE_INTEGER, fold: undefined });
      assert.deepEqual(await messages.read(room, everything), entries);
      assert.equal((await messages.open(room)).tip, Number.MAX_SAFE_INTEGER);
    });

    test('entries whose frames come along are the same when they are read', async () => {
      const one = appendOf(room, { tip: 11 });
      await messages.append({ ...one, frames: one.entries.map(encodeEntryFrame) });
      const many = appendOf(room, { lastSeq: 1, count: 3, builtOn: 11, tip: 12, fold, body: 'x'.repeat(300) });
      await messages.append({ ...many, frames: many.entries.map(encodeEntryFrame) });
      assert.deepEqual(await messages.read(room, everything), [...one.entries, ...many.entries]);
      const { tip, lastSeq, fold: kept } = await messages.open(room);
      assert.deepEqual([tip, lastSeq, kept?.seq], [12, 4, 4]);
    });

    test('a fold stays until a later one replaces it', async () => {
      await messages.append(appendOf(room, { tip: 11, fold }));
      await messages.append(appendOf(room, { lastSeq: 1, builtOn: 11, tip: 12 }));
      assert.equal((await messages.open(room)).fold?.seq, 1);
      await messages.append(appendOf(room, { lastSeq: 2, builtOn: 12, tip: 13, fold: new Uint8Array([9]) }));
      const log = await messages.open(room);
      assert.deepEqual([log.fold?.seq, ...(log.fold?.bytes ?? [])], [3, 9]);
    });

    test('an append that is not built on the tip is superseded and leaves no trace', async () => {
      await messages.append(appendOf(room, { tip: 11 }));
      await assert.rejects(messages.append(appendOf(room, { tip: 12, fold })), Superseded);
      await assert.rejects(messages.append(appendOf(room, { lastSeq: 1, builtOn: 99, tip: 12 })), Superseded);
      assert.deepEqual(await messages.open(room), { tip: 11, lastSeq: 1, fold: undefined });
      await messages.append(appendOf(room, { lastSeq: 1, builtOn: 11, tip: 12 }));
    });

    test('the same append again makes no second entry, even after others have followed', async () => {
      const first = appendOf(room, { count: 2, tip: 11 });
      await messages.append(first);
      await messages.append(first);
      await messages.append(appendOf(room, { lastSeq: 2, builtOn: 11, tip: 12 }));
      await messages.append(first);
      assert.deepEqual([(await messages.open(room)).tip, (await messages.read(room, everything)).length], [12, 3]);
    });

    test('exactly one of two appends that race on the same tip wins', async () => {
      const results = await Promise.allSettled([messages.append(appendOf(room, { tip: 11 })), messages.append(appendOf(room, { tip: 12 }))]);
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      assert.equal((await messages.read(room, everything)).length, 1);
    });

    test('appends to one chat that are under way together arrive in their order', async () => {
      const appends = Array.from({ length: 50 }, (_, at) => appendOf(room, { lastSeq: at, builtOn: at, tip: at + 1 }));
      const written = Promise.all(appends.map((append) => messages.append(append)));
      assert.equal((await messages.open(room)).lastSeq, 50); // waits for what is under way
      await written;
      assert.deepEqual(
        (await messages.read(room, everything)).map(({ seq }) => seq),
        appends.map((_, at) => at + 1),
      );
    });

    test('chats do not see each other', async () => {
      const chats = Array.from({ length: 40 }, (_, at) => chatOf(100 + at));
      await Promise.all(chats.map((chatId, at) => messages.append(appendOf(chatId, { count: at + 1, tip: 1_000 + at }))));
      for (const [at, chatId] of chats.entries()) {
        const entries = await messages.read(chatId, everything);
        assert.deepEqual([entries.length, entries.every((entry) => entry.chatId === chatId)], [at + 1, true]);
      }
    });

    test('a range ends where it says: after, before, limit, bytes, from either end', async () => {
      await messages.append(appendOf(room, { count: 300, tip: 11, body: new Uint8Array(100) }));
      const seqs = async (range: object) => (await messages.read(room, { ...everything, ...range })).map(({ seq }) => seq);
      assert.deepEqual(await seqs({ after: 297 }), [298, 299, 300]);
      assert.deepEqual(await seqs({ before: 3 }), [1, 2]);
      assert.deepEqual(await seqs({ after: 254, before: 258 }), [255, 256, 257]);
      assert.deepEqual(await seqs({ limit: 2 }), [1, 2]);
      assert.deepEqual(await seqs({ limit: 2, from: 'last' }), [299, 300]);
      assert.deepEqual(await seqs({ limit: 2, before: 258, from: 'last' }), [256, 257]);
      assert.deepEqual(await seqs({ limit: 9, after: 255, before: 258, from: 'last' }), [256, 257]);
      assert.deepEqual(await seqs({ bytesMax: 350 }), [1, 2, 3]);
      assert.deepEqual(await seqs({ bytesMax: 350, from: 'last' }), [298, 299, 300]);
      assert.deepEqual(await seqs({ bytesMax: 1 }), [1]);
      assert.deepEqual(await seqs({ bytesMax: 1, from: 'last' }), [300]);
      assert.deepEqual(await seqs({ limit: 0 }), []);
      assert.deepEqual(await seqs({ after: 300 }), []);
      assert.deepEqual(await seqs({ after: 5, before: 6 }), []);
    });

    test('what can never be stored is refused as such, and the log goes on', async () => {
      const good = appendOf(room, { tip: 11 });
      for (const bad of [
        { ...good, entries: [] },
        { ...good, tip: 0 },
        { ...good, tip: 1.5 },
        { ...good, entries: [entryOf(room, 2)] },
        { ...good, entries: [entryOf(room, 1), entryOf(room, 3)] },
        { ...good, entries: [entryOf(chatOf(2), 1)] },
        { ...good, entries: [entryOf(room, 1, new Uint8Array(appendBytesMax / 2)), entryOf(room, 2, new Uint8Array(appendBytesMax / 2 + 1))] },
      ]) {
        await assert.rejects(messages.append(bad), StoreRefused);
      }
      await messages.append(good);
      await assert.rejects(messages.append(appendOf(room, { lastSeq: 1, builtOn: 11, tip: 11 })), StoreRefused);
      assert.equal((await messages.open(room)).lastSeq, 1);
    });

    test('what was acknowledged is there after the next opening, and the log goes on from it', async () => {
      await messages.append(appendOf(room, { count: 260, tip: 11, fold }));
      await messages.append(appendOf(room, { lastSeq: 260, builtOn: 11, tip: 12 }));
      const again = (await opened.reopen()).messages;
      const log = await again.open(room);
      assert.deepEqual([log.tip, log.lastSeq, log.fold?.seq], [12, 261, 260]);
      await assert.rejects(again.append(appendOf(room, { lastSeq: 260, builtOn: 11, tip: 13 })), Superseded);
      await again.append(appendOf(room, { lastSeq: 261, builtOn: 12, tip: 13 }));
      assert.equal((await again.read(room, everything)).length, 262);
    });
  });
}
