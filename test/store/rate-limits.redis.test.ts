// Rate limits in a real Redis keep the contract; nodes share them; without Redis each counts for itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RedisServer } from '../../scripts/services/redis.ts';
import type { RedisConnection } from '../../src/store/connection.redis.ts';
import { memoryRateLimits } from '../../src/store/rate-limits.memory.ts';
import { redisRateLimits } from '../../src/store/rate-limits.redis.ts';
import { rateLimitsContract } from './rate-limits.contract.ts';
import { joined, redisFor, until } from './redis.ts';

let server: RedisServer;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  server = await redisFor({ after: (job) => void ends.push(job) });
});
after(() => Promise.all(ends.map((end) => end())));

/** Redis' own expiry, brought forward. */
async function pass({ client, prefix }: RedisConnection, ms: number): Promise<void> {
  for (const key of await client.keys(`${prefix}:*`)) await client.pexpire(key, (await client.pttl(key)) - ms);
}

rateLimitsContract('Redis', async (t) => {
  const { connection } = await joined(t, server);
  return { limits: redisRateLimits(connection, memoryRateLimits()), pass: (ms) => pass(connection, ms) };
});

const rule = { name: 'rule', points: 2, perMs: 60_000 };

test('two nodes count together', async (t) => {
  const one = await joined(t, server);
  const other = await joined(t, server, one.prefix);
  const limits = [one, other].map(({ connection }) => redisRateLimits(connection, memoryRateLimits()));
  for (const each of limits) assert.equal(await each.take(rule, 'ann'), 0);
  for (const each of limits) assert.notEqual(await each.take(rule, 'ann'), 0);
});

test('a long key is kept short, and apart from others', async (t) => {
  const { connection } = await joined(t, server);
  const limits = redisRateLimits(connection, memoryRateLimits());
  for (const key of ['a', 'b']) for (let at = 0; at < 2; at += 1) assert.equal(await limits.take(rule, key.repeat(100_000)), 0);
  for (const key of await connection.client.keys(`${connection.prefix}:*`)) assert.ok(key.length < 200);
});

test('every counter goes by itself when its window ends', async (t) => {
  const { connection } = await joined(t, server);
  const limits = redisRateLimits(connection, memoryRateLimits());
  await limits.take(rule, 'ann');
  await limits.giveBack(rule, 'ann');
  await limits.take(rule, 'bob');
  for (const key of await connection.client.keys(`${connection.prefix}:*`)) assert.ok((await connection.client.pttl(key)) > 0, key);
});

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`Redis gone by ${signal}: nobody waits long, this node counts alone, and together again when it is back`, async (t) => {
    const own = await redisFor(t);
    const { connection, reports } = await joined(t, own);
    const limits = redisRateLimits(connection, memoryRateLimits());
    assert.equal(await limits.take(rule, 'ann'), 0);
    await own.kill(signal);
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, () => limits.take(rule, 'bob')));
    const firstMs = performance.now() - startedMs;
    assert.ok(firstMs < 2_500, `the first took ${Math.round(firstMs)} ms`);
    assert.equal(answers.filter((waitMs) => waitMs === 0).length, 2, 'counted in memory');
    const againMs = performance.now();
    for (let at = 0; at < 100; at += 1) await limits.take(rule, 'eve');
    assert.ok(performance.now() - againMs < 200, 'once it is known to be gone nobody waits at all');
    await limits.giveBack(rule, 'bob');
    assert.equal(await limits.take(rule, 'bob'), 0);
    await until(() => reports.length === 1, 'the loss is reported');
    if (signal === 'SIGKILL') await own.restart();
    else await own.kill('SIGCONT');
    await until(() => connection.isUp, 'it is back');
    assert.equal(await limits.take(rule, 'new'), 0);
    assert.equal((await connection.client.keys(`${connection.prefix}:limit:rule:new`)).length, 1, 'counted in Redis');
    assert.deepEqual(
      reports.map(({ level }) => level),
      ['warn', 'info'],
    );
  });
}
