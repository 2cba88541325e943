// A renewal of the driver's control connection that fails ends no process, and is done again; a connection that has ended has no heartbeat.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { type Beating, keepUp } from '../../src/store/upkeep.cql.ts';

test('a renewal that fails is heard and tried again until it succeeds, with the hosts that it was given the first time only', async () => {
  const calls: (readonly unknown[])[] = [];
  const upkeep = {
    _isShuttingDown: false,
    async _refresh(...hosts: readonly unknown[]): Promise<void> {
      calls.push(hosts);
      if (calls.length < 3) throw new TypeError("Cannot read properties of null (reading 'endpoint')");
    },
  };
  const waiting: (() => void)[] = [];
  keepUp(upkeep, (job) => waiting.push(job));
  await upkeep._refresh('some hosts');
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    job();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(calls, [['some hosts'], [], []]);
});

test('once the driver is being shut down it is left alone', async () => {
  const upkeep = { _isShuttingDown: true, _refresh: () => Promise.reject(new Error('closed')) };
  const waiting: (() => void)[] = [];
  keepUp(upkeep, (job) => waiting.push(job));
  await upkeep._refresh();
  assert.deepEqual(waiting, []);
});

test('a connection that has ended asks nobody for a sign of life, and sets no timer to do so', () => {
  const { prototype } = createRequire(import.meta.url)('cassandra-driver/lib/connection.js') as { readonly prototype: Beating };
  const asked: string[] = [];
  const connection = (isSocketOpen: boolean, sendingIdleQuery: boolean): Beating & { readonly _idleTimeout?: NodeJS.Timeout } =>
    Object.assign(Object.create(prototype), {
      isSocketOpen,
      sendingIdleQuery,
      options: { pooling: { heartBeatInterval: 60_000 } },
      log: () => undefined,
      sendStream: () => asked.push(isSocketOpen ? 'open' : 'closed'),
    });
  const open = connection(true, false);
  open._idleTimeoutHandler();
  const waits = connection(true, true);
  waits._idleTimeoutHandler();
  clearTimeout(waits._idleTimeout);
  assert.ok(waits._idleTimeout !== undefined, 'the driver has changed: it asks in another way');
  for (const sending of [false, true]) {
    const closed = connection(false, sending);
    closed._idleTimeoutHandler();
    assert.equal(closed._idleTimeout, undefined);
  }
  assert.deepEqual(asked, ['open']);
});
