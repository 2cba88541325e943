// The way to a real Redis: names and passwords, TLS, what a node says when a setting is wrong, and that nothing ever waits long.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../scripts/services/debian.ts';
import { RedisConnection, type RedisReport, redisMax } from '../../src/store/connection.redis.ts';
import { StoreRefused, StoreUnavailable } from '../../src/store/faults.ts';
import { redisPresence } from '../../src/store/presence.redis.ts';
import { memoryRateLimits } from '../../src/store/rate-limits.memory.ts';
import { redisRateLimits } from '../../src/store/rate-limits.redis.ts';
import type { RedisOptions } from '../../src/store/redis-settings.ts';
import { type Certificate, certificateIn } from '../certificates.ts';
import { joined, optionsFor, redisFor, until } from './redis.ts';
import { ann } from './samples.ts';

const secret = 'a secret that no text may hold';

async function opened(t: TestContext, options: RedisOptions): Promise<RedisConnection & { reports?: never }> {
  const connection = await RedisConnection.open(options, { onReport: () => undefined });
  t.after(() => connection.close());
  return connection;
}

async function refusal(options: RedisOptions): Promise<string> {
  let says = '';
  const reports: RedisReport[] = [];
  const opening = RedisConnection.open(options, { onReport: (report) => reports.push(report) });
  opening.then(
    (connection) => connection.close(),
    () => undefined,
  );
  await assert.rejects(
    opening,
    (error: Error) => {
      says = error.message;
      assert.ok(!says.includes(secret));
      return error instanceof StoreRefused;
    },
    `the start goes on, and says ${JSON.stringify(reports)}`,
  );
  return says;
}

async function certified(t: TestContext, name: string): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  return certificateIn(folder, name);
}

test('a password, or a name with the few rights that are needed, is enough; a wrong one, or none, stops the start with a text that says what to set', async (t) => {
  const users = `requirepass "${secret}"\nuser parley on ">${secret}" ~mine:* +@all -@dangerous +info`;
  const server = await redisFor(t, { configuration: users });
  const byPassword = await opened(t, optionsFor(server, { PARLEY_REDIS_PASSWORD: secret }));
  assert.equal(await byPassword.run((client) => client.ping()), 'PONG');
  const byName = await opened(t, optionsFor(server, { PARLEY_REDIS_USER: 'parley', PARLEY_REDIS_PASSWORD: secret, PARLEY_REDIS_PREFIX: 'mine' }));
  const presence = redisPresence(byName, { node: 'a' });
  await presence.put({ userId: ann, online: true, lastSeenMs: 5 });
  await until(async () => (await presence.get(ann))?.online === true, 'the beat stands');
  assert.equal(await redisRateLimits(byName, memoryRateLimits()).take({ name: 'rule', points: 1, perMs: 1_000 }, 'ann'), 0);
  assert.equal((await byName.client.exists('mine:limit:rule:ann')) && 1, 1, 'counted in Redis');
  await presence.close();
  assert.match(await refusal(optionsFor(server)), /wants a password: set PARLEY_REDIS_PASSWORD/);
  assert.match(await refusal(optionsFor(server, { PARLEY_REDIS_PASSWORD: 'wrong' })), /refuses the name or password: look at PARLEY_REDIS_USER and PARLEY_REDIS_PASSWORD/);
  assert.match(await refusal(optionsFor(server, { PARLEY_REDIS_USER: 'nobody', PARLEY_REDIS_PASSWORD: secret })), /refuses the name or password/);
});

test('a user without rights leaves presence and limits to the node, which says so once', async (t) => {
  const server = await redisFor(t, { configuration: `user default on nopass ~other:* +@all` });
  const { connection, reports } = await joined(t, server);
  const limits = redisRateLimits(connection, memoryRateLimits());
  for (let at = 0; at < 5; at += 1) assert.equal(await limits.take({ name: 'rule', points: 5, perMs: 60_000 }, 'ann'), 0);
  assert.notEqual(await limits.take({ name: 'rule', points: 5, perMs: 60_000 }, 'ann'), 0);
  assert.deepEqual(
    reports.map(({ level }) => level),
    ['warn'],
  );
  assert.match(reports[0]?.says ?? '', /its user may not do what Parley does/);
});

test('TLS: with the authority named it connects, with a certificate of its own too; without, with another one, or without TLS at all the text says what to set', async (t) => {
  const own = await certified(t, 'redis');
  const client = await certified(t, 'client');
  const other = await certified(t, 'other');
  const server = await redisFor(t, { tls: { cert: own.certFile, key: own.keyFile, ca: own.certFile } });
  const connection = await opened(t, optionsFor(server, { PARLEY_REDIS_TLS_CA: own.certFile }));
  assert.equal(await connection.run(({ stream }) => Promise.resolve((stream as unknown as { getProtocol(): string }).getProtocol())), 'TLSv1.3');
  assert.match(await refusal(optionsFor(server)), /certificate is not good .*PARLEY_REDIS_TLS_CA names who may sign it/);
  assert.match(await refusal(optionsFor(server, { PARLEY_REDIS_TLS_CA: other.certFile })), /certificate is not good/);
  assert.match(await refusal(optionsFor(server, { PARLEY_REDIS_TLS_CA: join(own.certFile, 'absent') })), /PARLEY_REDIS_TLS_CA: .*absent cannot be read/);
  const strict = await redisFor(t, { tls: { cert: own.certFile, key: own.keyFile, ca: client.certFile, clients: 'certified' } });
  const mutual = { PARLEY_REDIS_TLS_CA: own.certFile, PARLEY_REDIS_TLS_CERT: client.certFile, PARLEY_REDIS_TLS_KEY: client.keyFile };
  assert.equal(await (await opened(t, optionsFor(strict, mutual))).run((redis) => redis.ping()), 'PONG');
  // A server that breaks off, or waits for more, says nothing of why: the node starts without it, with a hint.
  const ca = { PARLEY_REDIS_TLS_CA: own.certFile };
  const plain = await redisFor(t);
  for (const [url, hint] of [
    [strict.url, /may want a certificate \(PARLEY_REDIS_TLS_CERT\)|refuses this node's certificate/],
    [plain.url.replace('redis:', 'rediss:'), /or not speak TLS there/],
    [server.url.replace('rediss:', 'redis:'), /may want TLS/],
  ] as const) {
    const reports: RedisReport[] = [];
    const opening = RedisConnection.open(optionsFor({ url }, url.startsWith('rediss') ? ca : {}), { onReport: (report) => reports.push(report) });
    const says = await opening.then(
      (lost) => {
        lost.close();
        return reports[0]?.says ?? '';
      },
      (error: Error) => error.message, // whether the server's last word is heard before it breaks off is chance
    );
    assert.match(says, hint);
  }
});

test('out of reach at the start: the node starts without it, says so once, and has it as soon as it is there', async (t) => {
  const port = await freePort();
  const reports: RedisReport[] = [];
  const connection = await RedisConnection.open(optionsFor({ url: `redis://127.0.0.1:${port}` }), { onReport: (report) => reports.push(report) });
  t.after(() => connection.close());
  await assert.rejects(
    connection.run((client) => client.ping()),
    StoreUnavailable,
  );
  await redisFor(t, { port });
  await until(() => connection.isUp, 'it is there');
  assert.deepEqual(
    reports.map(({ level }) => level),
    ['warn', 'info'],
  );
  assert.match(reports[0]?.says ?? '', new RegExp(`Redis at 127.0.0.1:${port} is out of reach .*ECONNREFUSED.*messages go on`));
});

test('something that takes connections and never answers counts as out of reach', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.after(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const startedMs = performance.now();
  const { connection, reports } = await joined(t, { url: `redis://127.0.0.1:${port}` });
  assert.ok(performance.now() - startedMs < redisMax.openMs + 500);
  assert.equal(connection.isUp, false);
  assert.equal(reports.length, 1);
});

test('a process that stood still does not take that for the silence of Redis: what came meanwhile is read first', async (t) => {
  const { connection, reports } = await joined(t, await redisFor(t));
  const answer = connection.run((client) => client.ping());
  const endMs = performance.now() + redisMax.commandMs + 300;
  while (performance.now() < endMs);
  assert.equal(await answer, 'PONG');
  assert.deepEqual([connection.isUp, reports], [true, []]);
});

test('more commands than may wait fail at once', async (t) => {
  const server = await redisFor(t);
  const { connection } = await joined(t, server);
  const waiting = Array.from({ length: redisMax.commands }, () => connection.run((client) => client.ping()));
  await assert.rejects(
    connection.run((client) => client.ping()),
    /2000 commands wait already/,
  );
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['PONG']));
  assert.equal(await connection.run((client) => client.ping()), 'PONG');
});

test('a Redis that stops again and again is reported once for each time', async (t) => {
  const server = await redisFor(t);
  const { connection, reports } = await joined(t, server);
  for (let times = 0; times < 3; times += 1) {
    await server.kill('SIGKILL');
    await until(() => !connection.isUp, 'it is gone');
    for (let at = 0; at < 100; at += 1) await connection.run((client) => client.ping()).catch(() => undefined);
    await server.restart();
    await until(() => connection.isUp, 'it is back');
  }
  assert.deepEqual(
    reports.map(({ level }) => level),
    ['warn', 'info', 'warn', 'info', 'warn', 'info'],
  );
});

test('settings that do not go together are named', () => {
  const on = { url: 'redis://127.0.0.1:1' };
  assert.throws(() => optionsFor({ url: '' }, { PARLEY_REDIS_PASSWORD: secret }), /set PARLEY_REDIS too/);
  assert.throws(() => optionsFor(on, { PARLEY_REDIS_USER: 'ann' }), /set PARLEY_REDIS_PASSWORD too/);
  assert.throws(() => optionsFor(on, { PARLEY_REDIS_TLS_CA: 'ca.pem' }), /must then begin with rediss/);
  assert.throws(() => optionsFor({ url: 'rediss://[::1]:1' }, { PARLEY_REDIS_TLS_CERT: 'cert.pem' }), /set both or none/);
  assert.throws(() => optionsFor({ url: `redis://ann:${secret}@127.0.0.1` }), /without a name or password in it/);
  const { host, port, database } = optionsFor({ url: 'redis://[::1]/7' });
  assert.deepEqual([host, port, database], ['::1', 6_379, 7]);
});
