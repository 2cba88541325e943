// What a resync asks of the store, by Cassandra's own count of the statements that it has executed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { resyncService } from '../../src/services/resync.ts';
import { openCql } from './cql.ts';
import { appendOf, chatOf, userOf } from './samples.ts';

export interface ResyncRig {
  readonly cassandra: () => Cassandra;
  readonly client: () => Client;
}

const user = userOf(70_000);
const chatCount = 1_000;
const movedCount = 20;
const largeCount = 3;
const head = 5;

export function resyncTests({ cassandra, client }: ResyncRig): void {
  /** Prepared statements, each page of a result for itself. The question is none of them. */
  const executed = async (): Promise<number> => {
    const { rows } = await client().execute("SELECT value FROM system_views.cql_metrics WHERE name = 'prepared_statements_executed'");
    return Number(rows[0]?.['value'] ?? Number.NaN);
  };

  describe('a resync on Cassandra', () => {
    test(`a user in ${chatCount} chats of which ${movedCount} have moved costs one read of a partition, and one more for each large chat`, async (t) => {
      const stores = await openCql(cassandra());
      t.after(() => stores.close());
      const chats = Array.from({ length: chatCount }, (_, at) => chatOf(70_000 + at));
      const large = new Set(chats.slice(0, largeCount));
      await stores.inbox.raise(chats.map((chatId) => ({ userId: user, chatId, head, member: true, large: large.has(chatId) })));
      for (const chatId of large) await stores.messages.append(appendOf(chatId, { count: head, tip: 1 }));
      const cursors = chats.map((chatId) => ({ chatId, seq: head, receiptsVersion: 0 }));
      // Of the small ones their rows say it, of a large one its log.
      const [grown, ...moved] = [...large, ...chats.slice(chatCount - movedCount + 1)].filter((_, at) => at === 0 || at >= largeCount);
      assert.ok(grown);
      await stores.messages.append(appendOf(grown, { lastSeq: head, builtOn: 1, tip: 2 }));
      await stores.inbox.raise(moved.map((chatId) => ({ userId: user, chatId, head: head + 1, member: true, large: false })));

      const { resume } = resyncService({ ...stores, known: () => undefined });
      await resume(user, stores.incarnation, cursors, 1); // its statements are prepared from here on
      const before = await executed();
      const { frames } = await resume(user, stores.incarnation, cursors, 2);
      const statements = (await executed()) - before;
      t.diagnostic(`${statements} statements for ${chatCount} chats, ${largeCount} of them large`);
      assert.equal(statements, 1 + largeCount);
      const rows = frames.flatMap((frame) => (frame.kind === 'moved' ? frame.rows : []));
      assert.deepEqual(new Set(rows.map(({ chatId }) => chatId)), new Set([grown, ...moved]));
      assert.equal(rows.length, movedCount);
      assert.ok(rows.every((row) => row.head === head + 1));
    });
  });
}
