// Reads that come all at once: rows in memory within the turn, all else few at a time, single rows together, each with its own answer.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { Home } from '../../src/store/home.level.ts';
import { Reads } from '../../src/store/reads.level.ts';
import { held } from './held.ts';
import { levelOptions, newDirectory } from './level.ts';

async function rig(t: { after(end: () => Promise<void>): void }) {
  const directory = await newDirectory();
  const home = await Home.open(levelOptions(directory));
  t.after(async () => {
    await home.close();
    await rm(directory, { recursive: true });
  });
  return { home, reads: await ofSlowDisk(home) };
}

/** Reads of which one has taken very long: all others go to the threads. */
async function ofSlowDisk(home: Home): Promise<Reads> {
  let nowMs = 0;
  const reads = new Reads(home, setImmediate, () => {
    nowMs += nowMs === 1 ? 1e9 : 1;
    return nowMs;
  });
  await reads.get(Buffer.from('none'));
  return reads;
}

const keyOf = (n: number): Buffer => Buffer.from(`x${n}`);

test('rows that many ask for at once come each to who asked, also such as are not there', async (t) => {
  const { home, reads } = await rig(t);
  await home.database.batch(Array.from({ length: 200 }, (_, n) => ({ type: 'put' as const, key: keyOf(n), value: Buffer.from(`${n}`) })));
  const found = await Promise.all(Array.from({ length: 300 }, (_, n) => reads.get(keyOf(n))));
  assert.deepEqual(
    found.map((row) => row?.toString()),
    Array.from({ length: 300 }, (_, n) => (n < 200 ? `${n}` : undefined)),
  );
  assert.equal((await reads.get(keyOf(7)))?.toString(), '7');
});

test('rows are read within the turn until that has taken long; then others read for a while', async (t) => {
  const { home } = await rig(t);
  await home.database.put(keyOf(1), Buffer.from('one'));
  let [nowMs, tookMs, turns] = [0, 0.1, 0];
  const stepped = (): number => {
    nowMs += tookMs;
    return nowMs;
  };
  const soon = (run: () => void): void => {
    turns += 1;
    setImmediate(run);
  };
  const reads = new Reads(home, soon, stepped);
  assert.equal((await reads.get(keyOf(1)))?.toString(), 'one');
  assert.equal(await reads.get(keyOf(2)), undefined);
  assert.equal(turns, 0);
  tookMs = 3;
  assert.equal((await reads.get(keyOf(1)))?.toString(), 'one');
  assert.equal(turns, 0);
  tookMs = 0.1;
  assert.equal((await reads.get(keyOf(1)))?.toString(), 'one');
  assert.equal(turns, 1, 'by the threads');
  nowMs += 5;
  assert.equal((await reads.get(keyOf(1)))?.toString(), 'one');
  assert.equal(turns, 2, 'its share is a tenth of the time');
  nowMs += 9;
  assert.equal((await reads.get(keyOf(1)))?.toString(), 'one');
  assert.equal(turns, 2);
});

test('while the database is being opened again a row waits for that', async (t) => {
  const { home } = await rig(t);
  await home.database.put(keyOf(1), Buffer.from('one'));
  const reads = new Reads(home, setImmediate);
  const opened = home.reopen({ giveUpReserve: false });
  const row = reads.get(keyOf(1));
  await opened;
  assert.equal((await row)?.toString(), 'one');
});

test('no more than two are under way at a time, in the order of their coming, whatever becomes of them', async (t) => {
  const { reads } = await rig(t);
  const begun: number[] = [];
  const ends = new Map<number, ReturnType<typeof held<number>>>();
  const one = (n: number): Promise<number> =>
    reads.read(() => {
      begun.push(n);
      const end = held<number>();
      ends.set(n, end);
      return end.promise;
    });
  const answers = [1, 2, 3, 4].map(one);
  const row = reads.get(keyOf(1));
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 2]);
  ends.get(2)?.reject(new Error('as planned'));
  await assert.rejects(answers[1] as Promise<number>, /as planned/);
  assert.equal(await row, undefined); // single rows come first; however long a thread takes for that
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 2, 3]);
  ends.get(3)?.resolve(30);
  assert.equal(await answers[2], 30);
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 2, 3, 4]);
  ends.get(1)?.resolve(10);
  assert.equal(await answers[0], 10);
  ends.get(4)?.resolve(40);
  assert.equal(await answers[3], 40);
});

test('rows do not wait behind a line of larger reads, nor hold more than one of the threads', async (t) => {
  const { reads } = await rig(t);
  const ends = [held<void>(), held<void>()];
  let begun = 0;
  const larger = Array.from({ length: 50 }, (_, n) =>
    reads.read(async () => {
      begun += 1;
      await ends[n]?.promise;
    }),
  );
  const rows = Array.from({ length: 200 }, (_, n) => reads.get(keyOf(n)));
  await new Promise(setImmediate);
  ends[0]?.resolve();
  await rows[0];
  assert(begun < 10, `${begun} had begun`);
  await Promise.all(rows);
  ends[1]?.resolve();
  await Promise.all(larger);
});

test('once the store is closed whoever waits hears that it cannot be read', async (t) => {
  const { home, reads } = await rig(t);
  const asked = [reads.get(keyOf(1)), reads.get(keyOf(2))].map((row) => assert.rejects(row, StoreUnavailable));
  await home.close();
  await Promise.all(asked);
});
