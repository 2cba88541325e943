// Three nodes of Cassandra with three replicas of everything, of which some are stopped, or killed and started again, while two owners of each chat write: nothing acknowledged is lost, nothing stands twice.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import type { CqlStores } from '../../src/store/stores.cql.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { cassandraFor, clientOf, openCql } from './cql.ts';
import { until } from './redis.ts';
import { chatOf } from './samples.ts';
import { judgeLog, Reader, Writer } from './writer.ts';

let cassandra: Cassandra;
let client: Client;
/** Of three processes. */
let stores: readonly CqlStores[];
const ends: (() => Promise<void>)[] = [];
before(async () => {
  const t = { after: (job: () => Promise<void>) => void ends.unshift(job) };
  // Acknowledged on the disk: two that are killed at once, and only say so, would have forgotten what a third may not be asked for.
  cassandra = await cassandraFor(t, { nodes: 3, authentication: false });
  const open = () => openCql(cassandra, { PARLEY_CQL_REPLICAS: '3', PARLEY_CQL_TIMEOUT_MS: '500' }, { closeMsMax: 5_000 });
  stores = [await open(), ...(await Promise.all([open(), open()]))];
  t.after(async () => void (await Promise.all(stores.map((one) => one.close()))));
  client = await clientOf(t, cassandra);
});
after(async () => {
  for (const end of ends) await end();
});

const chatsEach = 4;
/** To make up for what stopped under a test, on a busy machine. */
const patienceMs = 90_000;
/** Several times as long as a request may take. */
const stopMs = 5_000;
const stopsMax = 10;
let chats = 80_000;

/** Of each node in turn one chat whose appends go to it first: whichever is stopped has something to answer. */
function newChats(count: number): readonly ChatId[] {
  return Array.from({ length: count }, (_, at) => {
    const { address } = cassandra.nodes[at % cassandra.nodes.length] as { readonly address: string };
    for (;;) {
      const chatId = chatOf((chats += 1));
      const [first] = client.getReplicas('', routingKeyOf(chatId)) ?? [];
      if (first?.address.startsWith(`${address}:`)) return chatId;
    }
  });
}

/** As the partition key (chat_id, bucket) is hashed. */
function routingKeyOf(chatId: ChatId): Buffer {
  return Buffer.concat([Buffer.from(chatId), Buffer.alloc(4)].flatMap((part) => [Buffer.of(part.length >> 8, part.length), part, Buffer.of(0)]));
}

test('one node is stopped for longer than a request may take: appends of unknown outcome are submitted again, and nothing is lost or doubled', async (t) => {
  const crowd = new Crowd(t);
  const node = cassandra.nodes[1];
  await crowd.writes('at first');
  // Nothing is sent to a node that is held for slow just then, or not connected yet: it is stopped again until it had something to answer.
  for (let times = 1; ; times += 1) {
    await node?.kill('SIGSTOP');
    const isResubmitted = await until(() => crowd.count('resubmitted') > 0, 'appends of unknown outcome are submitted again', stopMs).then(
      () => true,
      (error: Error) => assert.ok(times < stopsMax, error),
    );
    await crowd.writes('with two of three');
    await node?.kill('SIGCONT');
    await crowd.writes('with all of them again');
    if (isResubmitted) break;
  }
  await crowd.end();
});

test('two nodes are stopped at once in the midst of appends, and go on, time after time: what they were told meanwhile is carried out late, and harms nothing', async (t) => {
  const crowd = new Crowd(t);
  const stopped = cassandra.nodes.slice(1);
  for (let nth = 0; nth < 3; nth += 1) {
    await crowd.writes(`before it stops, ${nth}`);
    const unknown = crowd.count('unknown');
    await Promise.all(stopped.map((node) => node.kill('SIGSTOP')));
    await until(() => crowd.count('unknown') > unknown, 'there are appends of unknown outcome', patienceMs);
    await Promise.all(stopped.map((node) => node.kill('SIGCONT')));
  }
  await crowd.writes('after all that');
  assert.ok(crowd.count('resubmitted') >= crowd.count('unknown'));
  await crowd.end();
});

test('two nodes are stopped in the midst of appends, killed as they are, and started again one after the other: what the third one has seen of an append is finished by whoever reads or writes next', async (t) => {
  const crowd = new Crowd(t);
  const killed = cassandra.nodes.slice(1);
  await crowd.writes('at first');
  await Promise.all(killed.map((node) => node.kill('SIGSTOP')));
  await until(() => crowd.count('unknown') > 0, 'there are appends of unknown outcome', patienceMs);
  await Promise.all(killed.map((node) => node.kill('SIGKILL')));
  for (const node of killed) {
    await node.restart();
    await crowd.writes(`with ${node.address} again`);
  }
  await crowd.end();
});

const countNames = ['unknown', 'resubmitted', 'superseded', 'serialReads'] as const;
type CountName = (typeof countNames)[number];

/** Of all processes together. */
function countOf(name: CountName): number {
  return stores.reduce((sum, one) => sum + one.counts()[name], 0);
}

/** Two processes that both believe to own each of some chats, as after a partition, with a third that reads them. */
class Crowd {
  readonly #t: TestContext;
  readonly #writers: readonly Writer[];
  readonly #readers: readonly Reader[];
  readonly #before = new Map(countNames.map((name) => [name, countOf(name)]));

  constructor(t: TestContext) {
    const [one, other, third] = stores as readonly [CqlStores, CqlStores, CqlStores];
    const own = newChats(chatsEach);
    this.#t = t;
    this.#writers = [one, other].flatMap((owner) => own.map((chatId) => new Writer(owner, chatId)));
    this.#readers = own.slice(0, 2).map((chatId) => new Reader(third, chatId));
  }

  /** Since it began. */
  count(name: CountName): number {
    return countOf(name) - (this.#before.get(name) ?? 0);
  }

  /** Resolves when every chat has three more acknowledged entries. */
  async writes(when: string): Promise<void> {
    const before = this.#perChat();
    const grown = (): boolean => [...this.#perChat()].every(([chatId, count]) => count >= (before.get(chatId) ?? 0) + 3);
    await until(grown, `all chats are written to ${when}`, patienceMs);
  }

  async end(): Promise<void> {
    for (const one of [...this.#writers, ...this.#readers]) await one.end();
    await judgeLog(stores[2] as CqlStores, this.#writers);
    const [unknown, resubmitted, superseded, serialReads] = countNames.map((name) => this.count(name));
    const acknowledged = this.#writers.reduce((sum, writer) => sum + writer.acknowledged.size, 0);
    const reads = this.#readers.reduce((sum, reader) => sum + reader.reads, 0);
    this.#t.diagnostic(
      `${acknowledged} appends acknowledged, ${superseded} refused, ${unknown} of unknown outcome, ${resubmitted} submissions again; ${reads} reads of logs that grew, ${serialReads} of their parts at serial consistency`,
    );
    assert.ok((superseded ?? 0) > 0, 'the two never met');
    assert.ok((serialReads ?? 0) > 0, 'nothing was ever seen half done');
  }

  #perChat(): ReadonlyMap<ChatId, number> {
    const counts = new Map<ChatId, number>();
    for (const { chatId, acknowledged } of this.#writers) counts.set(chatId, (counts.get(chatId) ?? 0) + acknowledged.size);
    return counts;
  }
}
