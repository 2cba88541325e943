// A node of Cassandra that is stopped for a while under appends: nothing acknowledged is lost, nothing is doubled, and it goes on by itself.
import { describe, test } from 'node:test';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { openCql } from './cql.ts';
import { until } from './redis.ts';
import { chatOf } from './samples.ts';
import { judgeLog, Writer } from './writer.ts';

const chats = Array.from({ length: 8 }, (_, at) => chatOf(90_000 + at));

export function outageTests({ cassandra }: { readonly cassandra: () => Cassandra }): void {
  describe('a node of Cassandra', () => {
    test('SIGSTOP under appends: all that was acknowledged is there once, and it goes on', { timeout: 240_000 }, async (t) => {
      const stores = await openCql(cassandra(), { PARLEY_CQL_TIMEOUT_MS: '500' });
      t.after(() => stores.close());
      const writers = chats.map((chatId) => new Writer(stores, chatId));
      await until(() => writers.every(({ acknowledged }) => acknowledged.size >= 5), 'all write', 60_000);
      const node = cassandra().nodes[0];
      await node?.kill('SIGSTOP');
      await until(() => stores.trouble() !== undefined, 'the store is in trouble', 60_000);
      await until(() => stores.counts().resubmitted > 0, 'appends of unknown outcome are submitted again', 60_000);
      await node?.kill('SIGCONT');
      const before = writers.map(({ acknowledged }) => acknowledged.size);
      await until(() => writers.every(({ acknowledged }, at) => acknowledged.size >= (before[at] ?? 0) + 5), 'all write again', 120_000);
      for (const writer of writers) await writer.end();
      await judgeLog(stores, writers);
    });
  });
}
