// What the fence of the CQL store keeps beyond the contract: two writers of one chat, outcomes that nobody knows, buckets, and what is read while an append is half done.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { StoreUnavailable, Superseded } from '../../src/store/faults.ts';
import { bucketEntries } from '../../src/store/logs.cql.ts';
import type { MessageStore, Tip } from '../../src/store/messages.ts';
import type { CqlStores } from '../../src/store/stores.cql.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { openCql } from './cql.ts';
import { until } from './redis.ts';
import { appendOf, chatOf, entryOf, everything } from './samples.ts';

export interface FenceRig {
  readonly cassandra: () => Cassandra;
  readonly client: () => Client;
}

let chats = 10_000;
/** One that no other test has. */
const newChat = (): ChatId => chatOf((chats += 1));
const fast = { PARLEY_CQL_TIMEOUT_MS: '400' };

export function fenceTests({ cassandra, client }: FenceRig): void {
  const storesFor = async (t: TestContext, settings: Readonly<Record<string, string>> = {}, server: Pick<Cassandra, 'contactPoints'> = cassandra()): Promise<CqlStores> => {
    const stores = await openCql(server, settings);
    t.after(() => stores.close());
    return stores;
  };
  const proxied = async (t: TestContext): Promise<{ readonly proxy: TcpProxy; readonly stores: CqlStores }> => {
    const proxy = await TcpProxy.start({ port: cassandra().port });
    t.after(() => proxy.stop());
    return { proxy, stores: await storesFor(t, fast, { contactPoints: [`127.0.0.1:${proxy.port}`] }) };
  };
  const dense = (entries: readonly Entry[], count: number): void =>
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      Array.from({ length: count }, (_, at) => at + 1),
    );

  describe('the fence on Cassandra', () => {
    test('of two writers that race for one chat one wins each time, and the log is dense and holds each acknowledged append once', async (t) => {
      const chatId = newChat();
      const [one, other] = [await storesFor(t), await storesFor(t)];
      const won = await Promise.all([extendBy(one.messages, chatId, 0, 40), extendBy(other.messages, chatId, 1, 40)]);
      const entries = await one.messages.read(chatId, everything);
      dense(entries, won[0].length + won[1].length);
      assert.equal(entries.length, 80);
      for (const [at, seqs] of won.entries()) assert.deepEqual(new Set(entries.filter(({ number }) => number === at + 1).map(({ seq }) => seq)), new Set(seqs));
      assert.ok(one.counts().superseded + other.counts().superseded > 0, 'they never met');
    });

    test('whose answer is lost is submitted again until it is answered: one entry, although it had been carried out', async (t) => {
      const { proxy, stores } = await proxied(t);
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { tip: 1 }));
      proxy.stall('toClient');
      const work = stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2 }));
      const other = await storesFor(t);
      await until(async () => (await other.messages.open(chatId)).tip === 2, 'the append is carried out', 30_000);
      await until(() => stores.counts().resubmitted > 0, 'it is submitted again');
      assert.match(stores.trouble() ?? '', /./);
      proxy.flow();
      await work;
      dense(await other.messages.read(chatId, everything), 2);
      assert.deepEqual([stores.counts().unknown, stores.counts().appends, stores.trouble()], [1, 1, undefined]);
    });

    test('whose answer is lost while another goes on from it: it counts as stored', async (t) => {
      const { proxy, stores } = await proxied(t);
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { tip: 1 }));
      proxy.stall('toClient');
      const work = stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2 }));
      const other = await storesFor(t);
      await until(async () => (await other.messages.open(chatId)).tip === 2, 'the append is carried out', 30_000);
      await other.messages.append(appendOf(chatId, { lastSeq: 2, builtOn: 2, tip: 3 }));
      proxy.breakAll();
      proxy.flow();
      await work;
      dense(await other.messages.read(chatId, everything), 3);
    });

    test('that never arrived, and another has written: Superseded, and no trace', async (t) => {
      const { proxy, stores } = await proxied(t);
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { tip: 1 }));
      proxy.stall('toServer');
      const work = stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2, body: 'mine' }));
      work.catch(() => undefined);
      await until(() => stores.counts().unknown === 1, 'its outcome is unknown');
      const other = await storesFor(t);
      await other.messages.open(chatId);
      await other.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 3, body: 'theirs' }));
      proxy.flow();
      await assert.rejects(work, Superseded);
      assert.equal(Buffer.from((await other.messages.read(chatId, everything))[1]?.body ?? []).toString(), 'theirs');
      assert.equal((await other.messages.read(chatId, everything)).length, 2);
    });

    test('an unknown outcome does not hold up the end of the process for ever', async () => {
      const proxy = await TcpProxy.start({ port: cassandra().port });
      const stores = await openCql({ contactPoints: [`127.0.0.1:${proxy.port}`] }, fast, { closeMsMax: 300 });
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { tip: 1 }));
      proxy.stall('toServer');
      const work = stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2 }));
      work.catch(() => undefined);
      await until(() => stores.counts().unknown === 1, 'its outcome is unknown');
      const startedMs = performance.now();
      const closed = stores.close();
      await assert.rejects(stores.messages.append(appendOf(newChat(), { tip: 1 })), StoreUnavailable);
      await closed;
      assert.ok(performance.now() - startedMs < 5_000);
      await assert.rejects(work, (error: Error) => !(error instanceof StoreUnavailable) && /unknown/.test(error.message));
      await proxy.stop();
    });

    test('a bucket holds the append that passes its end, and reading goes on across it from either side', async (t) => {
      const { messages } = await storesFor(t);
      const chatId = newChat();
      const fold = new Uint8Array([7, 7]);
      const sizes = [1_000, 50, 1_024, 3, 900, 200];
      let lastSeq = 0;
      for (const [at, count] of sizes.entries()) {
        await messages.append(appendOf(chatId, { lastSeq, count, builtOn: at, tip: at + 1, ...(at === 0 && { fold }) }));
        lastSeq += count;
      }
      const { rows } = await client().execute('SELECT DISTINCT chat_id, bucket FROM parley.log');
      assert.deepEqual(
        rows.flatMap((row) => (row['chat_id'] === chatId ? [row['bucket']] : [])).sort(),
        [0, 1, 2], // begun at 1, 1,051 and 2,075: each append lies where it begins
      );
      for (const stores of [messages, (await storesFor(t)).messages]) {
        dense(await stores.read(chatId, everything), lastSeq);
        const newest = await stores.read(chatId, { ...everything, from: 'last', limit: 1_500 });
        assert.deepEqual([newest.length, newest[0]?.seq, newest.at(-1)?.seq], [1_500, lastSeq - 1_499, lastSeq]);
        for (const seq of [1, 1_024, 1_025, 1_050, 1_051, 2_048, 2_049, 2_074, 2_075, 3_072, 3_073, lastSeq])
          for (const from of ['first', 'last'] as const)
            assert.deepEqual(await stores.read(chatId, { ...everything, after: seq - 1, before: seq + 1, from }), [entryOf(chatId, seq)], `${seq} from ${from}`);
        const { tip, fold: kept } = await stores.open(chatId);
        assert.deepEqual([tip, kept?.seq, ...(kept?.bytes ?? [])], [6, 1_000, 7, 7]); // the fold has moved along
      }
      assert.deepEqual([await messages.stands(chatId, 6), await messages.stands(chatId, 2)], [true, false]);
    });

    test('of two who begin the same next bucket one wins', async (t) => {
      const [one, other] = [await storesFor(t), await storesFor(t)];
      const chatId = newChat();
      await one.messages.append(appendOf(chatId, { count: bucketEntries, tip: 1 }));
      await other.messages.open(chatId);
      const results = await Promise.allSettled([2, 3].map((tip, at) => [one, other][at]?.messages.append(appendOf(chatId, { lastSeq: bucketEntries, builtOn: 1, tip }))));
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      const { tip, lastSeq } = await one.messages.open(chatId);
      assert.deepEqual([lastSeq, await one.messages.stands(chatId, 1), await one.messages.stands(chatId, tip)], [bucketEntries + 1, false, true]);
      dense(await other.messages.read(chatId, everything), bucketEntries + 1);
    });

    test('whoever reads where the statics are ahead of the entries looks again at serial consistency, and takes what is missing for a fault', async (t) => {
      const stores = await storesFor(t);
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { count: 3, tip: 1 }));
      await client().execute('DELETE FROM parley.log WHERE chat_id = ? AND bucket = 0 AND seq = 3', [chatId], { prepare: true });
      const before = stores.counts().serialReads;
      await assert.rejects(stores.messages.read(chatId, everything), /has a gap at 3/);
      assert.ok(stores.counts().serialReads > before);
      assert.equal((await stores.messages.read(chatId, { ...everything, limit: 2 })).length, 2);
    });

    test('the store away: what is asked fails as unavailable and is certainly not stored; back again, all goes on', async (t) => {
      const { proxy, stores } = await proxied(t);
      const chatId = newChat();
      await stores.messages.append(appendOf(chatId, { tip: 1 }));
      proxy.cut();
      await assert.rejects(stores.users.byHandle('nobody'), StoreUnavailable);
      await until(async () => {
        const outcome = await stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2 })).then(
          () => 'stored',
          (error: unknown) => error,
        );
        assert.ok(outcome instanceof StoreUnavailable, String(outcome));
        return stores.trouble() !== undefined;
      }, 'it is refused');
      proxy.mend();
      await until(() => stores.trouble() === undefined, 'it finds out by itself that the store is back', 30_000);
      assert.equal((await stores.messages.open(chatId)).lastSeq, 1);
      await stores.messages.append(appendOf(chatId, { lastSeq: 1, builtOn: 1, tip: 2 }));
      assert.equal(stores.trouble(), undefined);
    });
  });
}

/** As an owner does it that takes the chat for its own: `count` appends, each built on what it read, tried again when superseded. Returns the seqs that were acknowledged. */
async function extendBy(messages: MessageStore, chatId: ChatId, who: number, count: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  let log = await messages.open(chatId);
  for (let n = 0; n < count; ) {
    const tip: Tip = 1 + who * 1_000_000 + Math.floor(Math.random() * 1_000_000);
    const entry = { ...entryOf(chatId, log.lastSeq + 1), number: who + 1 };
    try {
      await messages.append({ chatId, entries: [entry], builtOn: log.tip, tip, fold: undefined });
      seqs.push(entry.seq);
      log = { tip, lastSeq: entry.seq, fold: undefined };
      n += 1;
    } catch (error) {
      if (!(error instanceof Superseded)) throw error;
      log = await messages.open(chatId);
    }
  }
  return seqs;
}
