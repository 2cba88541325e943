// What every Inbox keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { InboxChange } from '../../src/store/inbox.ts';
import { ann, appendOf, bob, chatOf, type Opened, type OpenStores, room, userOf } from './samples.ts';

export function inboxContract(name: string, open: OpenStores): void {
  describe(`inbox, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());

    const rows = (userId = ann) => opened.stores.inbox.rows(userId);
    const head = (seq: number, more: Partial<InboxChange> = {}): InboxChange => ({ userId: ann, chatId: room, head: seq, member: true, large: false, ...more });
    /** An append and what follows it, as a chat does it. */
    const grow = async (lastSeq: number, count: number, ...changes: InboxChange[]) => {
      const builtOn = (await opened.stores.messages.open(room)).tip;
      await opened.stores.messages.append(appendOf(room, { lastSeq, count, builtOn, tip: builtOn + 1 }));
      await opened.stores.inbox.raise(opened.stores.inbox.wantsEveryHead && changes.length === 0 ? [head(lastSeq + count)] : changes);
    };

    test('a user without chats has no rows', async () => assert.deepEqual(await rows(), []));

    test('a chat that was announced is there, unconfirmed, before and after its first entry', async () => {
      await opened.stores.inbox.announce(room, [ann, bob]);
      const [row, ...none] = await rows();
      assert.deepEqual([row?.chatId, row?.confirmed, row?.member, none.length], [room, false, false, 0]);
      await opened.stores.messages.append(appendOf(room, { tip: 1 }));
      assert.equal((await rows(bob))[0]?.confirmed, false);
    });

    test('a change confirms the row, and the head is never behind an acknowledged entry', async () => {
      await opened.stores.inbox.announce(room, [ann]);
      await grow(0, 1, head(1));
      assert.deepEqual(await rows(), [{ chatId: room, head: 1, confirmed: true, member: true, large: false, receiptsVersion: 0, read: 0 }]);
      await grow(1, 5);
      assert.equal((await rows())[0]?.head, 6);
    });

    test('a change that was announced makes a row that is there unconfirmed, until the change or its failure is told', async () => {
      await grow(0, 3, head(3));
      await opened.stores.inbox.announce(room, [ann]);
      assert.equal((await rows())[0]?.confirmed, false);
      await opened.stores.inbox.raise([head(2)]); // late, from before
      assert.equal((await rows())[0]?.confirmed, false);
      await opened.stores.inbox.announce(room, [ann]);
      await opened.stores.inbox.raise([head(3)]);
      assert.deepEqual([(await rows())[0]?.confirmed, (await rows())[0]?.member, (await rows())[0]?.head], [true, true, 3]);
    });

    test('who has left sees the seq at which it was, whatever comes after; who comes back sees the tip', async () => {
      await grow(0, 1, head(1));
      await grow(1, 2, head(3, { member: false }));
      await grow(3, 4, head(7, { userId: bob }));
      assert.deepEqual([(await rows())[0]?.head, (await rows())[0]?.member], [3, false]);
      await grow(7, 1, head(8));
      await grow(8, 1);
      assert.deepEqual([(await rows())[0]?.head, (await rows())[0]?.member], [9, true]);
    });

    test('an older change never undoes a newer one, and a change may be done twice', async () => {
      await grow(0, 5, head(5, { member: false }));
      await opened.stores.inbox.raise([head(5, { member: false }), head(4)]);
      assert.deepEqual([(await rows())[0]?.head, (await rows())[0]?.member], [5, false]);
    });

    test('two changes of one user in one call count like two calls', async () => {
      await grow(0, 6, head(5, { member: false }), head(6), head(6, { userId: bob }));
      assert.deepEqual([(await rows())[0]?.member, (await rows(bob))[0]?.member], [true, true]);
    });

    test('changes to one chat that are under way together all count', async () => {
      await grow(0, 3, head(1));
      await Promise.all([opened.stores.inbox.raise([head(3, { member: false })]), opened.stores.inbox.raise([head(2)]), opened.stores.inbox.announce(room, [ann])]);
      assert.deepEqual([(await rows())[0]?.head, (await rows())[0]?.member], [3, false]);
    });

    test('a chat that has become large stays large', async () => {
      await grow(0, 2, head(2, { large: true }));
      await opened.stores.inbox.raise([head(1)]);
      await grow(2, 1, head(3));
      assert.equal((await rows())[0]?.large, true);
    });

    test('a row shows the version of the receipts and how far this user has read', async () => {
      await grow(0, 9, head(9), head(9, { userId: bob }));
      await opened.stores.receipts.raise(room, [{ userId: ann, delivered: 8, read: 4 }], 17);
      assert.deepEqual([(await rows())[0]?.receiptsVersion, (await rows())[0]?.read], [17, 4]);
      assert.deepEqual([(await rows(bob))[0]?.receiptsVersion, (await rows(bob))[0]?.read], [17, 0]);
    });

    test('a user of 120 chats has 120 rows, each with its own head, after the next opening too', async () => {
      const { messages, inbox } = opened.stores;
      await Promise.all(
        Array.from({ length: 120 }, async (_, at) => {
          await inbox.announce(chatOf(500 + at), [bob, userOf(9_000 + at)]);
          await messages.append(appendOf(chatOf(500 + at), { count: at + 1, tip: 1 + at }));
          await inbox.raise([head(at + 1, { userId: bob, chatId: chatOf(500 + at) })]);
        }),
      );
      const check = (found: Awaited<ReturnType<typeof rows>>) => {
        const heads = new Map(found.map((row) => [row.chatId, row.head]));
        assert.equal(heads.size, 120);
        for (let at = 0; at < 120; at += 1) assert.equal(heads.get(chatOf(500 + at)), at + 1);
      };
      check(await rows(bob));
      check(await (await opened.reopen()).inbox.rows(bob));
    });
  });
}
