// The real server beside a real Redis that is killed and stopped: messages go on as if nothing were, presence goes grey, limits hold, and all of it comes back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../../scripts/services/debian.ts';
import { Parley, ParleyFailed } from '../../scripts/services/parley.ts';
import { RedisServer } from '../../scripts/services/redis.ts';
import { redisMax } from '../../src/store/connection.redis.ts';
import { password, registered, request } from './accounts.ts';
import { Device } from './device.ts';

/** What the slowest of the sends may take while Redis is away: far less than its time-out, far more than a disk's bad day. */
const sendMsMax = 600;

/** The log is written a little later, and no frame says that a row has been written. */
const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const startedMs = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - startedMs < 15_000, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe('a server with Redis', () => {
  let redis: RedisServer;
  let parley: Parley;
  let ann: Device;
  let bob: Device;
  before(async () => {
    redis = await RedisServer.start({}, (text) => process.stderr.write(`${text}\n`));
    parley = await Parley.start({ environment: { PARLEY_REDIS: redis.url, PARLEY_RATE_FACTOR: '10' } });
    ann = await Device.connect(parley.socketUrl, await registered(parley.apiUrl, 'ann'));
    bob = await Device.connect(parley.socketUrl, await registered(parley.apiUrl, 'bob'));
    await ann.sayTo(bob.userId, 'hello');
  });
  after(async () => {
    for (const device of [ann, bob]) await device?.close();
    await parley?.stop();
    await redis?.stop();
  });

  const gauge = async (): Promise<string | undefined> => /^parley_redis_up (\d)$/m.exec((await request('GET', `${parley.opsUrl}/metrics`)).body as string)?.[1];
  const reports = (): readonly string[] => parley.lines.filter((line) => line.includes('Redis at 127.0.0.1'));
  /** Bob goes and comes again; Ann, who watches anew, is told what she is told. */
  const lastSeenOf = async (watcher: Device, whom: Device): Promise<{ online: boolean; lastSeenMs: number }> => {
    watcher.tell({ kind: 'watch', userIds: [] });
    await watcher.settled();
    const { length } = watcher.all('presence');
    watcher.tell({ kind: 'watch', userIds: [whom.userId] });
    await until(() => watcher.all('presence').length > length, 'no presence came');
    return watcher.all('presence').at(-1) as { online: boolean; lastSeenMs: number };
  };

  test('last seen comes from Redis, and the metrics say that it answers', async () => {
    assert.equal(await gauge(), '1');
    assert.equal((await lastSeenOf(ann, bob)).online, true);
    await bob.close();
    await until(async () => (await lastSeenOf(ann, bob)).online === false, 'bob has gone');
    await until(async () => (await lastSeenOf(ann, bob)).lastSeenMs > Date.now() - 60_000, 'he was seen just now');
    bob = await Device.connect(parley.socketUrl, bob.account);
  });

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    test(`${signal}: no send waits, presence is grey, limits hold, it is said once, and all is back with Redis`, async () => {
      const former = reports().length;
      await redis.kill(signal);
      let slowestMs = 0;
      const others: Promise<{ status: number }>[] = [];
      const startedMs = performance.now();
      // Limits are asked all the while, so that whatever could wait for Redis does.
      while (performance.now() - startedMs < 2 * redisMax.commandMs) {
        others.push(request('GET', `${parley.apiUrl}/v1/devices`, { token: ann.account.accessToken }));
        const sentMs = performance.now();
        await ann.sayTo(bob.userId, 'still here');
        slowestMs = Math.max(slowestMs, performance.now() - sentMs);
      }
      assert.ok(slowestMs < sendMsMax, `a send took ${Math.round(slowestMs)} ms`);
      for (const { status } of await Promise.all(others)) assert.ok(status === 200 || status === 429, `${status}`);
      assert.equal(await gauge(), '0');
      await until(() => reports().length > former, 'it is said');
      assert.equal(reports().length, former + 1, reports().join('\n'));
      assert.match(reports().at(-1) ?? '', /"level":"warn".*out of reach.*messages go on/);
      assert.equal((await request('GET', `${parley.opsUrl}/readyz`)).status, 200, 'it stays ready');
      assert.equal((await lastSeenOf(ann, bob)).online, true, 'who is here is known to be here');
      await bob.close();
      await until(async () => (await lastSeenOf(ann, bob)).online === false, 'bob has gone');
      assert.equal((await lastSeenOf(ann, bob)).lastSeenMs, 0, 'grey: when he was seen is not known');
      const guesses: number[] = [];
      for (let at = 0; at < 101; at += 1)
        guesses.push((await request('POST', `${parley.apiUrl}/v1/sessions`, { body: { handle: `nobody-${signal.toLowerCase()}`, password, deviceName: 'x' } })).status);
      assert.equal(guesses.filter((status) => status === 429).length, 1, 'ten times ten guesses are let through, counted here');
      if (signal === 'SIGKILL') await redis.restart();
      else await redis.kill('SIGCONT');
      await until(async () => (await gauge()) === '1', 'Redis is back');
      await until(async () => (await lastSeenOf(ann, bob)).lastSeenMs > Date.now() - 120_000, 'what happened meanwhile is known');
      bob = await Device.connect(parley.socketUrl, bob.account);
      assert.equal((await lastSeenOf(ann, bob)).online, true);
      await until(() => reports().length > former + 1, 'it is said');
      assert.equal(reports().length, former + 2);
      assert.match(reports().at(-1) ?? '', /"level":"info".*is back/);
    });
  }
});

test('a server starts without its Redis and says so; with a wrong password it does not start, and says what to set', async (t) => {
  const port = await freePort();
  const alone = await Parley.start({ environment: { PARLEY_REDIS: `redis://127.0.0.1:${port}` } });
  t.after(() => alone.stop());
  await until(() => alone.logged('warn').length > 0, 'it is said');
  assert.equal(alone.logged('warn').filter((line) => line.includes('messages go on')).length, 1);
  const redis = await RedisServer.start({ configuration: 'requirepass right' });
  t.after(() => redis.stop());
  await assert.rejects(Parley.start({ environment: { PARLEY_REDIS: redis.url, PARLEY_REDIS_PASSWORD: 'wrong' } }), (error: Error) => {
    assert.ok(error instanceof ParleyFailed);
    assert.match(error.message, /Parley did not start\. Redis at 127\.0\.0\.1:\d+: it refuses the name or password: look at PARLEY_REDIS_USER and PARLEY_REDIS_PASSWORD/);
    return true;
  });
  await assert.rejects(Parley.start({ environment: { PARLEY_REDIS: 'redis://ann:secret@host' } }), /PARLEY_REDIS: must be redis:\/\/host:port/);
});
