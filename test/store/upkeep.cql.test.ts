// A renewal of the driver's control connection that fails ends no process, and is done again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepUp } from '../../src/store/upkeep.cql.ts';

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
