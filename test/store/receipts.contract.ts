// What every ReceiptStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ReceiptRow } from '../../src/store/receipts.ts';
import type { Stores } from '../../src/store/stores.ts';
import { ann, bob, chatOf, type Opened, type OpenStores, room, userOf } from './samples.ts';

export function receiptStoreContract(name: string, open: OpenStores): void {
  describe(`receipts, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());
    const list = async (stores: Stores = opened.stores, chatId = room) => (await stores.receipts.list(chatId)).toSorted((a, b) => (a.userId < b.userId ? -1 : 1));
    const raise = (version: number, ...rows: ReceiptRow[]) => opened.stores.receipts.raise(room, rows, version);

    test('a chat without receipts has none', async () => assert.deepEqual(await list(), []));

    test('watermarks merge by max, each by itself', async () => {
      await raise(1, { userId: ann, delivered: 5, read: 2 }, { userId: bob, delivered: 1, read: 0 });
      await raise(2, { userId: ann, delivered: 3, read: 4 });
      assert.deepEqual(await list(), [
        { userId: ann, delivered: 5, read: 4 },
        { userId: bob, delivered: 1, read: 0 },
      ]);
    });

    test('raises that are under way together all count', async () => {
      const users = Array.from({ length: 30 }, (_, at) => userOf(at));
      await Promise.all(users.flatMap((userId, at) => [raise(at, { userId, delivered: 10, read: 1 }), raise(at, { userId, delivered: 2, read: 7 })]));
      assert.deepEqual(
        (await list()).map(({ delivered, read }) => [delivered, read]),
        users.map(() => [10, 7]),
      );
    });

    test('chats do not see each other', async () => {
      await raise(1, { userId: ann, delivered: 5, read: 2 });
      assert.deepEqual(await list(opened.stores, chatOf(2)), []);
    });

    test('the version that the inbox shows only rises', async () => {
      await opened.stores.inbox.announce(room, [ann]);
      await raise(9, { userId: ann, delivered: 5, read: 2 });
      await raise(4, { userId: bob, delivered: 5, read: 2 });
      assert.equal((await opened.stores.inbox.rows(ann))[0]?.receiptsVersion, 9);
    });

    test('receipts are there after the next opening', async () => {
      await raise(3, { userId: ann, delivered: 70_000, read: 300 });
      const again = await opened.reopen();
      await again.receipts.raise(room, [{ userId: ann, delivered: 1, read: 400 }], 4);
      assert.deepEqual(await list(again), [{ userId: ann, delivered: 70_000, read: 400 }]);
    });
  });
}
