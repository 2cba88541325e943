// The disk runs full under load: refusals that say so, reading goes on, and when there is room the service comes back by itself with nothing lost.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '../../scripts/services/parley.ts';
import { SmallDisk } from '../../scripts/services/small-disk.ts';
import { refusals } from '../../src/protocol/errors.ts';
import type { Account } from '../e2e/accounts.ts';
import { request, seeded as seededAccounts } from '../e2e/accounts.ts';
import { Device } from '../e2e/device.ts';
import { Crowd } from './crowd.ts';
import { judge } from './judge.ts';
import { Seeded, seedOfRun } from './seeded.ts';

const diskMegabytes = 448;
const megabyte = 1024 * 1024;
/** What the load still finds when the ballast lies on the disk. */
const leftBytes = 12 * megabyte;
const cycles = 2;
const patienceMs = 60_000;

test('on a full disk writes are refused and reads answered; with room again it serves by itself, and nothing acknowledged is lost', async (t) => {
  const seeded = new Seeded(seedOfRun());
  t.diagnostic(`seed ${seeded.seed} (TEST_SEED=${seeded.seed} repeats its draws)`);
  const disk = await SmallDisk.mount(diskMegabytes);
  let parley: Parley | undefined;
  const talked = new AbortController();
  t.after(async () => {
    talked.abort();
    await parley?.stop();
    await disk.unmount();
  });
  const data = join(disk.directory, 'data');
  const accounts = (await seededAccounts(data, 17)).map(([account]) => account as Account);
  const crowd = new Crowd(accounts.slice(1), { seeded, bodyBytes: 4_096 });
  crowd.meet(3);
  parley = await Parley.start({ data });
  const { pid } = parley;
  await crowd.gather(parley.socketUrl, [{ from: 0, size: 6 }]);
  await crowd.connect(parley.socketUrl);
  const watcher = await Device.connect(parley.socketUrl, accounts[0] as Account);

  const talking = crowd.talk(1_500, talked.signal);
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    await until('messages flow', () => crowd.acknowledged > cycle * 200);
    await disk.fill(leftBytes);
    const refusedBefore = refusedFull(crowd);
    await until('a refusal because the store is full', () => refusedFull(crowd) > refusedBefore);
    const fullMs = performance.now();
    await judgeWhileFull(parley, watcher, crowd);
    const acknowledged = crowd.acknowledged;
    await delay(3_000); // it must stay up and refuse, not recover by luck
    assert.equal(parley.pid, pid);
    const meanwhile = crowd.acknowledged - acknowledged;
    await disk.makeRoom();
    const roomMs = performance.now();
    await until('service by itself', () => crowd.acknowledged > acknowledged + meanwhile + 200);
    t.diagnostic(
      `cycle ${cycle}: refused after ${acknowledged} messages, ${refusedFull(crowd) - refusedBefore} refusals in ${((roomMs - fullMs) / 1_000).toFixed(1)} s, ${meanwhile} acknowledged meanwhile, served again ${((performance.now() - roomMs) / 1_000).toFixed(1)} s after there was room`,
    );
    assert.equal((await request('GET', `${parley.opsUrl}/readyz`)).status, 200);
  }
  talked.abort();
  const posted = await talking;
  await crowd.settle();
  for (const device of crowd.devices) device.resumeAgain();
  await crowd.settle();
  await watcher.close();

  assert(parley.isRunning && parley.pid === pid, 'the server was restarted');
  assert.deepEqual(await parley.stop(), { code: 0, signal: null });
  await crowd.lose();
  const verdict = await judge(data, crowd.witnesses);
  t.diagnostic(`${posted} tries, ${verdict.acknowledged} acknowledged, ${verdict.stored} stored`);
  const { lost, doubled, reordered, altered, missed } = verdict;
  assert.deepEqual({ lost, doubled, reordered, altered, missed }, { lost: [], doubled: [], reordered: [], altered: [], missed: [] });
});

/** What a device and an operator see of a full disk. */
async function judgeWhileFull(parley: Parley, watcher: Device, crowd: Crowd): Promise<void> {
  const refused = await watcher.ask({ kind: 'createGroup', number: watcher.number(), title: 'no room', userIds: [] });
  assert.deepEqual([refused.kind, refused.kind === 'refused' && refused.why, refused.kind === 'refused' && refused.code], ['refused', 'storeFull', refusals.storeFull.code]);
  assert(refused.kind === 'refused' && /disk is full/.test(refused.says) && (refused.retryAfterMs ?? 0) > 0);
  assert.equal((await request('GET', `${parley.opsUrl}/healthz`)).status, 200);
  const ready = await request('GET', `${parley.opsUrl}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(JSON.stringify(ready.body), /store: .*full|no space/i);
  const registering = await request('POST', `${parley.apiUrl}/v1/users`, { body: { handle: 'late-comer', password: 'correct horse', deviceName: 'first' } });
  assert.deepEqual([registering.status, (registering.body as { code: string }).code], [507, 'storeFull']);
  // Reading: another device of nobody in particular sees what was acknowledged, through pulls, while writes are refused.
  const [reader] = crowd.devices;
  const [place] = [...(reader?.places.values() ?? [])];
  assert(reader !== undefined && place !== undefined);
  const device = await Device.connect(parley.socketUrl, reader.account);
  const entries = await device.pullAll(place.chatId);
  assert(entries.length >= place.cursor, `${entries.length} of ${place.cursor} entries can be read`);
  await device.close();
  await reader.lose(); // that was the same device: it had been replaced
  assert(await reader.connect(parley.socketUrl));
}

function refusedFull(crowd: Crowd): number {
  return crowd.devices.reduce((sum, { refusals: heard }) => sum + (heard.get('storeFull') ?? 0), 0);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const startedMs = performance.now();
  while (!holds()) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`after ${patienceMs} ms still not: ${what}`);
    await delay(20);
  }
}
