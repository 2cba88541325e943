// The process is killed at random instants under load, again and again: nothing that was acknowledged is lost, doubled or reordered, and every device converges.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '../../scripts/services/parley.ts';
import type { Account } from '../e2e/accounts.ts';
import { seeded as seededAccounts } from '../e2e/accounts.ts';
import { Crowd } from './crowd.ts';
import { judge } from './judge.ts';
import { atLeast, Seeded, seedOfRun } from './seeded.ts';

const kills = atLeast('TEST_KILLS', 50);
const deviceCount = 48;
const askedPerSecond = 8_000;
const wantedPerSecond = 2_000;
/** From the moment when the server serves; the first part of it goes into connecting. */
const aliveMsMax = 1_400;

test(`kill -9, ${kills} times under load: nothing acknowledged is lost, doubled or reordered, and every device converges`, async (t) => {
  const seeded = new Seeded(seedOfRun());
  t.diagnostic(`seed ${seeded.seed} (TEST_SEED=${seeded.seed} repeats its draws)`);
  const data = await mkdtemp(join(tmpdir(), 'parley-kill9-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  const accounts = (await seededAccounts(data, deviceCount)).map(([account]) => account as Account);
  const crowd = new Crowd(accounts, { seeded, bodyBytes: 100 });
  crowd.meet(3);
  const first = await Parley.start({ data });
  t.after(() => first.stop());
  // Small groups, and one that is large enough for an audience.
  await crowd.gather(first.socketUrl, [
    { from: 0, size: 5 },
    { from: 10, size: 8 },
    { from: 20, size: 3 },
    { from: 4, size: 36 },
  ]);
  await first.stop();

  let loadedMs = 0;
  let whileLoaded = 0;
  let early = 0;
  const startedMs = performance.now();
  for (let nth = 0; nth < kills; nth += 1) {
    const parley = await Parley.start({ data });
    t.after(() => parley.stop());
    const aliveMs = seeded.below(aliveMsMax);
    const dead = new AbortController();
    const killing = delay(aliveMs).then(() => {
      dead.abort();
      return parley.kill('SIGKILL');
    });
    await crowd.connect(parley.socketUrl);
    while (!dead.signal.aborted && !crowd.areResumed) await delay(5);
    if (dead.signal.aborted) early += 1;
    const [fromMs, from] = [performance.now(), crowd.acknowledged];
    await crowd.talk(askedPerSecond, dead.signal);
    loadedMs += performance.now() - fromMs;
    assert.deepEqual(await killing, { code: null, signal: 'SIGKILL' });
    await delay(0); // what the kernel still had for us
    whileLoaded += crowd.acknowledged - from;
    await crowd.lose();
    if (nth % 25 === 24) console.log(`killed ${nth + 1} times of ${kills}, ${crowd.acknowledged} messages acknowledged`);
  }
  const tookMs = performance.now() - startedMs;

  const last = await Parley.start({ data });
  t.after(() => last.stop());
  await crowd.connect(last.socketUrl);
  await crowd.settle();
  for (const device of crowd.devices) device.resumeAgain(); // what a push may have failed to say
  await crowd.settle();
  assert.deepEqual(last.logged('error'), []);
  assert.deepEqual(await last.stop(), { code: 0, signal: null });
  await crowd.lose();

  const verdict = await judge(data, crowd.witnesses);
  const rate = Math.round((whileLoaded / loadedMs) * 1_000);
  t.diagnostic(
    `${verdict.acknowledged} acknowledged, ${verdict.stored} stored, ${verdict.frames} frames judged; ${rate} messages/s while loaded (${(loadedMs / 1_000).toFixed(1)} s of ${(tookMs / 1_000).toFixed(1)} s), ${early} of ${kills} kills before everybody was back`,
  );
  const { lost, doubled, reordered, altered, missed } = verdict;
  assert.deepEqual({ lost, doubled, reordered, altered, missed }, { lost: [], doubled: [], reordered: [], altered: [], missed: [] });
  assert(rate >= wantedPerSecond, `only ${rate} messages/s: the kills did not come under load`);
});
