// What every ChatStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { chatOf, type Opened, type OpenStores, room } from './samples.ts';

export function chatStoreContract(name: string, open: OpenStores): void {
  describe(`chats, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());
    const kept = async (chats = opened.stores.chats) => {
      const snapshot = await chats.snapshot(room);
      return snapshot && [snapshot.seq, ...snapshot.bytes];
    };

    test('a chat has no snapshot until one is kept', async () => assert.equal(await kept(), undefined));

    test('the newest snapshot stays, in whatever order they come', async () => {
      const { chats } = opened.stores;
      await chats.keepSnapshot(room, { seq: 300, bytes: new Uint8Array([3]) });
      await chats.keepSnapshot(room, { seq: 40, bytes: new Uint8Array([1]) });
      assert.deepEqual(await kept(), [300, 3]);
      await chats.keepSnapshot(room, { seq: 70_000, bytes: new Uint8Array([7]) });
      assert.deepEqual(await kept(), [70_000, 7]);
      assert.equal(await chats.snapshot(chatOf(2)), undefined);
    });

    test('the newest of several that are under way together stays', async () => {
      await Promise.all([5, 9, 7].map((seq) => opened.stores.chats.keepSnapshot(room, { seq, bytes: new Uint8Array([seq]) })));
      assert.deepEqual(await kept(), [9, 9]);
    });

    test('a snapshot of a megabyte comes back whole after the next opening', async () => {
      const bytes = new Uint8Array(1_000_003).map((_, at) => at * 7);
      await opened.stores.chats.keepSnapshot(room, { seq: 5, bytes });
      const snapshot = await (await opened.reopen()).chats.snapshot(room);
      assert.equal(snapshot?.seq, 5);
      assert.equal(Buffer.compare(snapshot.bytes, bytes), 0);
    });
  });
}
