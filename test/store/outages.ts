// A node of Cassandra that is stopped for a while under appends: nothing acknowledged is lost, nothing is doubled, and it goes on by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { openCql } from './cql.ts';
import { until } from './redis.ts';
import { chatOf } from './samples.ts';
import { judgeLog, Writer } from './writer.ts';

/** So many write and as many read while no node is there; and so often the driver may be asked in vain then, by all of them together. */
const many = 300;
const inVainMsMax = { perSecond: 20, forMs: 8_000 };

const chats = Array.from({ length: 8 }, (_, at) => chatOf(90_000 + at));

export function outageTests({ cassandra }: { readonly cassandra: () => Cassandra }): void {
  describe('a node of Cassandra', () => {
    test('SIGKILL under many chats: it is not asked in vain more than now and then, and all go on when it is back', { timeout: 240_000 }, async (t) => {
      const stores = await openCql(cassandra(), { PARLEY_CQL_TIMEOUT_MS: '2000' });
      t.after(() => stores.close());
      const writers = Array.from({ length: many }, (_, at) => new Writer(stores, chatOf(91_000 + at)));
      await until(() => writers.every(({ acknowledged }) => acknowledged.size >= 1), 'all write', 60_000);
      let isOver = false;
      const readers = writers.map(async ({ chatId }) => {
        while (!isOver) await stores.messages.open(chatId).catch((error: unknown) => assert.ok(error instanceof StoreUnavailable));
      });
      const node = cassandra().nodes[0];
      await node?.kill('SIGKILL');
      await until(() => stores.trouble() !== undefined, 'the store is in trouble', 60_000);
      await delay(1_000); // what was under way has failed
      const tries = (): number => stores.counts().failed;
      const [from, cpuFrom] = [tries(), process.cpuUsage()];
      await delay(inVainMsMax.forMs);
      const perSecond = (tries() - from) / (inVainMsMax.forMs / 1_000);
      const { user, system } = process.cpuUsage(cpuFrom);
      t.diagnostic(`${perSecond.toFixed(1)} tries a second in vain, ${(((user + system) / 1_000 / inVainMsMax.forMs) * 100).toFixed(1)} % of a core`);
      await node?.restart();
      const backMs = performance.now();
      const before = writers.map(({ acknowledged }) => acknowledged.size);
      await until(() => writers.some(({ acknowledged }, at) => acknowledged.size > (before[at] ?? 0)), 'one writes again', 60_000);
      const firstMs = performance.now() - backMs;
      await until(() => writers.every(({ acknowledged }, at) => acknowledged.size > (before[at] ?? 0)), 'all write again', 120_000);
      t.diagnostic(`after its start the first wrote within ${Math.round(firstMs)} ms, all of ${many} within ${Math.round(performance.now() - backMs)} ms`);
      isOver = true;
      await Promise.all([...readers, ...writers.map((writer) => writer.end())]);
      assert.ok(perSecond <= inVainMsMax.perSecond, `${perSecond} a second`);
    });

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
