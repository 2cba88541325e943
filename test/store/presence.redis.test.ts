// Presence in a real Redis keeps the contract; nodes see each other's users; what is lost comes back.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { RedisServer } from '../../scripts/services/redis.ts';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { type RedisPresence, redisPresence } from '../../src/store/presence.redis.ts';
import { memoryStores } from '../../src/store/stores.memory.ts';
import { presenceStoreContract } from './presence.contract.ts';
import { type Joined, joined, redisFor, until } from './redis.ts';
import { ann, bob, userOf } from './samples.ts';

let server: RedisServer;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  server = await redisFor({ after: (job) => void ends.push(job) });
});
after(() => Promise.all(ends.map((end) => end())));

presenceStoreContract('Redis', async () => {
  const jobs: (() => unknown)[] = [];
  const { connection } = await joined({ after: (job: () => unknown) => void jobs.push(job) } as unknown as TestContext, server);
  const presence = redisPresence(connection, { node: 'a' });
  const stores = { ...memoryStores(), presence };
  return {
    stores,
    reopen: async () => stores,
    async end() {
      await presence.close();
      for (const job of jobs) job();
    },
  };
});

interface Node extends Joined {
  readonly presence: RedisPresence;
}

async function nodeOn(t: TestContext, redis: RedisServer, { prefix, name = 'a', silentMs = 60_000 }: { prefix?: string; name?: string; silentMs?: number } = {}): Promise<Node> {
  const link = await joined(t, redis, prefix);
  const presence = redisPresence(link.connection, { node: name, beatMs: 50, silentMs });
  t.after(() => presence.close());
  return { ...link, presence };
}

test('whoever is on two nodes is online until gone from both, and was seen when last gone from one', async (t) => {
  const one = await nodeOn(t, server);
  const other = await nodeOn(t, server, { prefix: one.prefix, name: 'b' });
  await one.presence.put({ userId: ann, online: true, lastSeenMs: 1_800_000_000_001 });
  await other.presence.put({ userId: ann, online: true, lastSeenMs: 1_800_000_000_002 });
  assert.deepEqual([...((await one.presence.get(ann))?.nodes ?? [])].sort(), ['a', 'b']);
  await other.presence.put({ userId: ann, online: false, lastSeenMs: 1_800_000_000_009 });
  assert.deepEqual(await one.presence.get(ann), { userId: ann, online: true, lastSeenMs: 1_800_000_000_009, nodes: ['a'] });
  await one.presence.put({ userId: ann, online: false, lastSeenMs: 1_800_000_000_005 });
  for (const { presence } of [one, other]) assert.deepEqual(await presence.get(ann), { userId: ann, online: false, lastSeenMs: 1_800_000_000_009, nodes: [] });
});

test('the users of a node that died without a word are online no more once it has been silent for a while', async (t) => {
  const dying = await nodeOn(t, server);
  const other = await nodeOn(t, server, { prefix: dying.prefix, name: 'b', silentMs: 300 });
  await dying.presence.put({ userId: ann, online: true, lastSeenMs: 5 });
  assert.equal((await other.presence.get(ann))?.online, true);
  dying.connection.close();
  await until(async () => (await other.presence.get(ann))?.online === false, 'she is gone');
  const seen = (await other.presence.get(ann))?.lastSeenMs ?? 0;
  assert.ok(Math.abs(Date.now() - seen) < 60_000, 'seen when her node was last heard');
});

test('a node that starts again under its name does not inherit the users of its former life', async (t) => {
  const former = await nodeOn(t, server);
  await former.presence.put({ userId: ann, online: true, lastSeenMs: 5 });
  await former.presence.close();
  const next = await nodeOn(t, server, { prefix: former.prefix });
  await next.presence.put({ userId: bob, online: true, lastSeenMs: 6 });
  assert.deepEqual([(await next.presence.get(ann))?.online, (await next.presence.get(bob))?.online], [false, true]);
});

test('Redis forgets everything: those who are here are written again', async (t) => {
  const redis = await redisFor(t);
  const { presence, connection } = await nodeOn(t, redis);
  await presence.put({ userId: ann, online: true, lastSeenMs: 5 });
  await until(async () => (await connection.client.keys('*:beat:*')).length === 1, 'the beat stands');
  await connection.client.flushall();
  await until(async () => (await presence.get(ann))?.online === true, 'she is written again');
});

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`Redis gone by ${signal}: asking and telling fail soon, and what was told meanwhile stands when it is back`, async (t) => {
    const redis = await redisFor(t);
    const { presence, connection, reports } = await nodeOn(t, redis);
    await presence.put({ userId: ann, online: true, lastSeenMs: 5 });
    await presence.put({ userId: bob, online: true, lastSeenMs: 5 });
    await redis.kill(signal);
    const startedMs = performance.now();
    await assert.rejects(presence.get(ann), StoreUnavailable);
    await assert.rejects(presence.put({ userId: ann, online: false, lastSeenMs: 9 }), StoreUnavailable);
    assert.ok(performance.now() - startedMs < 2_500);
    await assert.rejects(presence.get(ann), StoreUnavailable);
    if (signal === 'SIGKILL') await redis.restart();
    else await redis.kill('SIGCONT');
    await until(async () => (await presence.get(ann).catch(() => undefined))?.lastSeenMs === 9, 'the word about ann is there');
    await until(async () => (await presence.get(bob).catch(() => undefined))?.online === true, 'and so is bob');
    assert.equal((await presence.get(ann))?.online, false);
    assert.ok(connection.isUp);
    assert.deepEqual(
      reports.map(({ level }) => level),
      ['warn', 'info'],
    );
  });
}

test('many at once are written with few commands', async (t) => {
  const { presence, connection } = await nodeOn(t, server);
  const commands = async (): Promise<number> => Number(/cmdstat_eval:calls=(\d+)/.exec(await connection.client.info('commandstats'))?.[1] ?? 0);
  const before = await commands();
  await Promise.all(Array.from({ length: 3_000 }, (_, n) => presence.put({ userId: userOf(n), online: true, lastSeenMs: n })));
  assert.ok((await commands()) - before < 200);
  assert.deepEqual(await presence.get(userOf(2_999)), { userId: userOf(2_999), online: true, lastSeenMs: 2_999, nodes: ['a'] });
});
