// The kernel's rules for an entity that is well: order, batches, bounds, commits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKernel } from '../../../src/actors/runtime/kernel.ts';
import { StoreFull, Superseded } from '../../../src/store/faults.ts';
import { FakeClock } from '../../sim/clock.ts';
import { Bench, outOfReach } from './ledger.ts';

test('commands are done in the order in which they were told, across batches and a slow load', async () => {
  const bench = new Bench();
  bench.disk.hold();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bench.tell('one', name < 'd' ? 'count' : 'keep', name);
  await bench.settle();
  assert.deepEqual(bench.performed, []);
  bench.disk.release();
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:c', 'one:d', 'one:e', 'one:f']);
});

test('no effect of a batch is performed before its durable effects are on disk', async () => {
  const bench = new Bench();
  bench.tell('one', 'count', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'count', 'b');
  bench.tell('one', 'keep', 'c');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a']);
  bench.disk.release();
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:c']);
  assert.deepEqual(bench.disk.log('one'), ['c']);
});

test('what gathers during a commit becomes the next batch, and is one commit', async () => {
  const bench = new Bench();
  bench.disk.hold();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.release();
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  for (const name of ['c', 'd', 'e']) bench.tell('one', 'keep', name);
  bench.disk.release();
  await bench.settle();
  assert.deepEqual(bench.disk.log('one'), ['a', 'b', 'c', 'd', 'e']);
  assert.equal(bench.disk.commits, 3);
  assert.equal(bench.kernel.counts.commits, 3);
});

test('a batch ends at its limit of commands and at its limit of bytes, but holds at least one command', async () => {
  const bench = new Bench();
  bench.tell('one', 'count', 'wake');
  await bench.settle();
  for (let at = 0; at < 5; at += 1) bench.tell('one', 'keep', `${at}`);
  await bench.settle();
  assert.equal(bench.disk.commits, 2);
  bench.tell('one', 'keep', 'huge', 500);
  bench.tell('one', 'keep', 'half', 60);
  bench.tell('one', 'keep', 'other half', 60);
  await bench.settle();
  assert.equal(bench.disk.commits, 5);
});

test('a full or unreachable store gives the batch back, and the entity stays as it was', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.commitFaults = [new StoreFull('no room'), outOfReach()];
  bench.tell('one', 'keep', 'b');
  bench.tell('one', 'count', 'c');
  await bench.settle();
  bench.tell('one', 'keep', 'd');
  await bench.settle();
  bench.tell('one', 'read', 'r');
  bench.tell('one', 'keep', 'e');
  await bench.settle();
  assert.deepEqual(bench.givenBack, ['one:b storeFull', 'one:c storeFull', 'one:d unavailable']);
  assert.deepEqual(bench.performed, ['one:a', 'one:r=a/0', 'one:e']);
  assert.deepEqual(bench.disk.log('one'), ['a', 'e']);
  assert.equal(bench.disk.loads, 1);
});

test('an entity that was superseded loads again and steps the same commands again', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.log('one').push('of another');
  bench.tell('one', 'keep', 'b');
  bench.tell('one', 'read', 'r');
  await bench.clock.advance(1_000);
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:r=aof anotherb/0']);
  assert.deepEqual(bench.givenBack, []);
  assert.equal(bench.disk.loads, 2);
  assert.equal(bench.kernel.counts.superseded, 1);
  assert.equal(bench.kernel.counts.crashes, 0);
});

test('an entity that is superseded time and again gives its batch back, and goes on with the next', async () => {
  const bench = new Bench({ supersededMax: 3 });
  bench.disk.commitFaults = [1, 2, 3].map(() => new Superseded('again'));
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.tell('one', 'keep', 'b');
  await bench.clock.advance(10_000);
  assert.deepEqual(bench.givenBack, ['one:a busy']);
  assert.deepEqual(bench.performed, ['one:b']);
  assert.equal(bench.disk.commits, 4);
});

test('tellIfAwake reaches one that is awake or loading, and wakes nobody', async () => {
  const bench = new Bench();
  const command = { name: 'x', does: 'count' };
  assert.equal(bench.kernel.tellIfAwake('ledger', 'one', command), false);
  await bench.settle();
  assert.equal(bench.disk.loads, 0);
  bench.disk.hold();
  bench.tell('one', 'count', 'a');
  await bench.settle();
  assert.equal(bench.kernel.tellIfAwake('ledger', 'one', command), true);
  bench.disk.release();
  await bench.settle();
  assert.equal(bench.kernel.tellIfAwake('ledger', 'one', { ...command, name: 'y' }), true);
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:x', 'one:y']);
});

test('a turn ends at its budget, so that sockets and timers get theirs', async () => {
  const bench = new Bench({ turnBudget: 8 });
  for (let at = 0; at < 6; at += 1) bench.tell(`${at}`, 'count', 'wake');
  await bench.settle();
  for (let at = 0; at < 6; at += 1) for (const name of ['a', 'b', 'c', 'd']) bench.tell(`${at}`, 'count', name);
  const before = bench.performed.length;
  bench.clock.runSoon();
  assert.equal(bench.performed.length - before, 8);
  await bench.settle();
  assert.equal(bench.performed.length - before, 24);
});

test('entities take turns: one with much mail does not keep another waiting', async () => {
  const bench = new Bench();
  for (const id of ['one', 'two']) bench.tell(id, 'count', 'wake');
  await bench.settle();
  bench.performed.length = 0;
  for (let at = 0; at < 8; at += 1) bench.tell('one', 'count', `${at}`);
  bench.tell('two', 'count', 'x');
  await bench.settle();
  assert.equal(bench.performed.indexOf('two:x'), 4);
});

test('sockets are flushed after the turn in which effects were performed', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  const { turns } = bench;
  bench.tell('one', 'count', 'b');
  await bench.settle();
  assert.equal(bench.turns, turns + 1);
});

test('a load and a commit that answer at once stay within one turn', () => {
  const clock = new FakeClock();
  const done: string[] = [];
  const kernel = createKernel({ clock, random: () => 0, afterTurn: () => done.push('turn'), report: () => undefined });
  kernel.host<string, number, string, string, undefined>({
    kind: 'quick',
    mailboxMax: 10,
    mailboxBytesMax: 10,
    batchMax: 10,
    batchBytesMax: 10,
    passivateAfterMs: 0,
    sizeOf: () => 1,
    load: () => ({ state: 0, context: undefined }),
    step: (state, command) => ({ state: state + 1, effects: [`!${command}`, command] }),
    isDurable: (effect) => effect.startsWith('!'),
    commit: (durable) => void done.push(`commit ${durable.join()}`),
    perform: (effect) => done.push(effect),
    giveBack: () => assert.fail('given back'),
    readsOnly: () => false,
  });
  kernel.tell('quick', 'x', 'a');
  kernel.tell('quick', 'x', 'b');
  clock.runSoon();
  assert.deepEqual(done, ['commit !a,!b', 'a', 'b', 'turn']);
});

test('a command that an entity sends to itself comes after its time, and lapses with the activation', async () => {
  const bench = new Bench();
  bench.tell('one', 'remind', 'a');
  await bench.clock.advance(999);
  assert.deepEqual(bench.performed, ['one:a']);
  await bench.clock.advance(50);
  assert.deepEqual(bench.performed, ['one:a', 'one:a again']);
  bench.tell('one', 'remind', 'b');
  await bench.settle();
  const gone = bench.kernel.putAway('ledger', 'one');
  await bench.settle();
  await gone;
  bench.tell('one', 'count', 'c');
  await bench.clock.advance(5_000);
  assert.deepEqual(bench.performed, ['one:a', 'one:a again', 'one:b', 'one:c']);
});
