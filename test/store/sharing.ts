// What nodes that share the CQL store know of each other's chats: announcements, large chats, receipts; and what their tables must never hold.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { bucketEntries } from '../../src/store/logs.cql.ts';
import type { CqlStores } from '../../src/store/stores.cql.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import { openCql } from './cql.ts';
import { until } from './redis.ts';
import { appendOf, chatOf, userOf } from './samples.ts';

export interface SharingRig {
  readonly cassandra: () => Cassandra;
  readonly client: () => Client;
}

let numbers = 50_000;
const newChat = (): ChatId => chatOf((numbers += 1));
const newUser = (): UserId => userOf((numbers += 1));

export function sharingTests({ cassandra, client }: SharingRig): void {
  const nodes = async (t: TestContext): Promise<readonly [CqlStores, CqlStores]> => {
    const both = [await openCql(cassandra()), await openCql(cassandra())] as const;
    for (const stores of both) t.after(() => stores.close());
    return both;
  };

  describe('two nodes on one Cassandra', () => {
    test('what one has announced the other may settle, if it reaches where the row stood', async (t) => {
      const [one, other] = await nodes(t);
      const [chatId, userId] = [newChat(), newUser()];
      const raise = (stores: CqlStores, head: number) => stores.inbox.raise([{ userId, chatId, head, member: true, large: false }]);
      const row = async () => (await other.inbox.rows(userId))[0];
      await one.inbox.announce(chatId, [userId]);
      assert.deepEqual([(await row())?.confirmed, (await row())?.member], [false, false]);
      await raise(other, 5);
      assert.deepEqual([(await row())?.confirmed, (await row())?.head], [true, 5]);
      await one.inbox.announce(chatId, [userId]);
      await raise(other, 4);
      assert.equal((await row())?.confirmed, false);
      await raise(one, 5);
      assert.equal((await row())?.confirmed, true);
      await Promise.all([one, other].map((stores) => stores.inbox.announce(chatId, [userId])));
      await raise(one, 6);
      await raise(other, 7);
      assert.deepEqual([(await row())?.confirmed, (await row())?.head], [true, 7]);
    });

    test('the head of a large chat is the log’s, whoever writes, across buckets; who has left keeps theirs', async (t) => {
      const [one, other] = await nodes(t);
      const [chatId, member, former] = [newChat(), newUser(), newUser()];
      await one.messages.append(appendOf(chatId, { count: 3, tip: 1 }));
      await one.inbox.raise([
        { userId: member, chatId, head: 3, member: true, large: true },
        { userId: former, chatId, head: 2, member: false, large: true },
      ]);
      let lastSeq = 3;
      for (const [at, count] of [bucketEntries - 10, 20, bucketEntries, 5].entries()) {
        await one.messages.append(appendOf(chatId, { lastSeq, count, builtOn: at + 1, tip: at + 2 }));
        lastSeq += count;
        const [row] = await other.inbox.rows(member);
        assert.deepEqual([row?.head, row?.large, row?.member], [lastSeq, true, true]);
      }
      assert.equal((await other.inbox.rows(former))[0]?.head, 2);
      const bucket = async () =>
        (await client().execute('SELECT bucket FROM parley.inbox WHERE user_id = ? AND incarnation = ? AND chat_id = ?', [member, one.incarnation, chatId], { prepare: true }))
          .rows[0]?.['bucket'];
      await until(async () => (await bucket()) === 2, 'the row keeps from where to look');
    });

    test('a receipt reaches the inboxes of all members of a small chat, of whom this node knows nothing yet; of a large one its own user’s', async (t) => {
      const [one, other] = await nodes(t);
      const users = [newUser(), newUser(), newUser()] as const;
      for (const large of [false, true]) {
        const chatId = newChat();
        const [reader, ...others] = users;
        await one.inbox.announce(chatId, users);
        await one.inbox.raise(users.map((userId) => ({ userId, chatId, head: 9, member: true, large })));
        await other.receipts.raise(chatId, [{ userId: reader, delivered: 8, read: 7 }], 15);
        const shown = async (userId: UserId) => (await one.inbox.rows(userId)).find((row) => row.chatId === chatId);
        assert.deepEqual([(await shown(reader))?.receiptsVersion, (await shown(reader))?.read], [15, 7]);
        for (const userId of others) assert.deepEqual([(await shown(userId))?.receiptsVersion, (await shown(userId))?.read], [large ? 0 : 15, 0]);
        assert.deepEqual(await one.receipts.list(chatId), [{ userId: reader, delivered: 8, read: 7 }]);
      }
    });

    test('who has left hears of no receipt any more, though another node saw to it', async (t) => {
      const [one, other] = await nodes(t);
      const [chatId, stays, leaves] = [newChat(), newUser(), newUser()];
      await one.inbox.raise([stays, leaves].map((userId) => ({ userId, chatId, head: 3, member: true, large: false })));
      await one.receipts.raise(chatId, [], 1);
      await other.inbox.raise([{ userId: leaves, chatId, head: 4, member: false, large: false }]);
      await one.messages.open(chatId); // as whoever was superseded reads again
      await one.receipts.raise(chatId, [{ userId: stays, delivered: 4, read: 4 }], 9);
      assert.deepEqual([(await one.inbox.rows(stays))[0]?.receiptsVersion, (await one.inbox.rows(leaves))[0]?.receiptsVersion], [9, 1]);
    });

    test('no cell that is merged by max has a timestamp of a clock, nor an end', async (t) => {
      const [one] = await nodes(t);
      const [chatId, userId] = [newChat(), newUser()];
      await one.inbox.announce(chatId, [userId]);
      await one.inbox.raise([{ userId, chatId, head: 3, member: true, large: true }]);
      await one.receipts.raise(chatId, [{ userId, delivered: 2, read: 1 }], 3);
      for (const [table, columns] of [
        ['inbox', ['head', 'member', 'large', 'announced', 'announced_head', 'settled', 'receipts_version', 'read']],
        ['receipts', ['delivered', 'read', 'member', 'large']],
      ] as const) {
        const told = columns.flatMap((column) => [`WRITETIME(${column}) AS ${column}_at`, `TTL(${column}) AS ${column}_ttl`]);
        const { rows } = await client().execute(`SELECT user_id, chat_id, ${told.join(', ')} FROM parley.${table}`);
        const own = rows.filter((row) => row['chat_id'] === chatId && row['user_id'] === userId);
        assert.equal(own.length, 1);
        for (const column of columns) {
          assert.ok(Number(own[0]?.[`${column}_at`] ?? Number.NaN) < 100, `${table}.${column}: ${own[0]?.[`${column}_at`]}`);
          assert.equal(own[0]?.[`${column}_ttl`], null);
        }
      }
    });
  });
}
