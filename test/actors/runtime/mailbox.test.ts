// The bounds of mailboxes: what is full gives back before `tell` returns, and has room again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKernel } from '../../../src/actors/runtime/kernel.ts';
import { FakeClock } from '../../sim/clock.ts';
import { Bench } from './ledger.ts';

test('a full mailbox gives the command back before tell returns, by number and by bytes', () => {
  const bench = new Bench();
  for (let at = 0; at < 9; at += 1) bench.tell('one', 'count', `${at}`);
  assert.deepEqual(bench.givenBack, ['one:8 busy']);
  bench.tell('two', 'count', 'big', 600);
  bench.tell('two', 'count', 'too big', 600);
  assert.deepEqual(bench.givenBack, ['one:8 busy', 'two:too big busy']);
  bench.tell('three', 'count', 'larger than any', 1_001);
  assert.equal(bench.givenBack.length, 3);
  assert.equal(bench.kernel.awake('ledger'), 2);
  assert.equal(bench.kernel.fullestMailbox(), 8);
});

test('the state of an entity can be looked at while it is awake and well: what is durable is in it, what is being committed is not', async () => {
  const bench = new Bench();
  const kept = () => (bench.kernel.stateOf('ledger', 'one') as { readonly kept: readonly string[] } | undefined)?.kept;
  assert.equal(kept(), undefined);
  bench.tell('one', 'keep', 'a');
  assert.equal(kept(), undefined, 'it wakes');
  await bench.settle();
  assert.deepEqual(kept(), ['a']);
  bench.disk.hold();
  bench.tell('one', 'keep', 'b');
  await bench.clock.settle();
  assert.deepEqual(kept(), ['a']);
  bench.disk.release();
  await bench.clock.advance(0);
  assert.deepEqual(kept(), ['a', 'b']);
  bench.tell('one', 'poison', 'c');
  await bench.clock.settle();
  assert.equal(kept(), undefined, 'it has crashed, and is read again');
});

test('bytes that have left the mailbox make room in it', async () => {
  const bench = new Bench();
  bench.disk.hold();
  for (const name of ['a', 'b', 'c']) bench.tell('one', 'keep', name, 300);
  await bench.settle();
  bench.tell('one', 'keep', 'no room', 300);
  bench.disk.release();
  await bench.clock.advance(0);
  bench.disk.hold();
  for (const name of ['d', 'e', 'f']) bench.tell('one', 'keep', name, 300);
  await bench.settle(); // d is under commit: two thirds wait
  bench.tell('one', 'keep', 'g', 300);
  bench.tell('one', 'keep', 'no room either', 300);
  assert.deepEqual(bench.givenBack, ['one:no room busy', 'one:no room either busy']);
});

test('the fullest mailbox is remembered for ten seconds at least, and not for ever', async () => {
  const bench = new Bench();
  for (let at = 0; at < 5; at += 1) bench.tell('one', 'count', `${at}`);
  await bench.clock.advance(9_999);
  assert.equal(bench.kernel.fullestMailbox(), 5);
  await bench.clock.advance(10_001);
  bench.kernel.fullestMailbox();
  await bench.clock.advance(10_001);
  assert.equal(bench.kernel.fullestMailbox(), 0);
});

test('what waits in all mailboxes together is bounded, and there is room again once it has been taken', () => {
  const clock = new FakeClock();
  const done: string[] = [];
  const kernel = createKernel({ clock, random: () => 0, mailBytesMax: 15, afterTurn: () => undefined, report: () => undefined });
  kernel.host<string, number, string, string, undefined>({
    kind: 'heavy',
    mailboxMax: 10,
    mailboxBytesMax: 10,
    batchMax: 10,
    batchBytesMax: 10,
    passivateAfterMs: 0,
    sizeOf: () => 10,
    load: () => ({ state: 0, context: undefined }),
    step: (state, command) => ({ state, effects: [command] }),
    isDurable: () => false,
    commit: () => undefined,
    perform: (effect) => done.push(effect),
    giveBack: (command, why) => done.push(`${command} ${why}`),
    readsOnly: () => false,
  });
  kernel.tell('heavy', 'x', 'a');
  kernel.tell('heavy', 'y', 'b');
  assert.deepEqual(done, ['b busy']);
  clock.runSoon();
  kernel.tell('heavy', 'y', 'c');
  clock.runSoon();
  assert.deepEqual(done, ['b busy', 'a', 'c']);
});

test('a command to itself waits for room in a full mailbox instead of being refused', async () => {
  const bench = new Bench();
  bench.tell('one', 'remind', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'k');
  await bench.settle();
  for (let at = 0; at < 8; at += 1) bench.tell('one', 'count', `${at}`);
  await bench.clock.advance(5_000);
  bench.disk.release();
  await bench.clock.advance(50);
  assert.equal(bench.performed.at(-1), 'one:a again');
  assert.deepEqual(bench.givenBack, []);
});

test('what an entity would ignore reaches its mailbox only while something else waits before it', async () => {
  const clock = new FakeClock();
  const stepped: string[] = [];
  const kernel = createKernel({ clock, random: () => 0.5, afterTurn: () => {}, report: () => {} });
  kernel.host<string, boolean, 'deaf' | 'hearing' | 'word', never, undefined>({
    kind: 'ear',
    mailboxMax: 8,
    mailboxBytesMax: 1_000,
    batchMax: 8,
    batchBytesMax: 1_000,
    passivateAfterMs: 0,
    sizeOf: () => 1,
    load: () => ({ state: true, context: undefined }),
    step(state, command) {
      stepped.push(command);
      return { state: command === 'word' ? state : command === 'deaf', effects: [] };
    },
    ignores: (isDeaf, command) => isDeaf && command === 'word',
    isDurable: () => false,
    commit: () => undefined,
    perform: () => {},
    giveBack: () => assert.fail('nothing is given back'),
    readsOnly: () => false,
  });
  for (const command of ['word', 'deaf']) kernel.tell('ear', 'one', command); // it sleeps: nobody knows what it would ignore
  await clock.advance(1);
  assert.equal(kernel.tellIfAwake('ear', 'one', 'word'), true);
  await clock.advance(1);
  assert.deepEqual(stepped, ['word', 'deaf']);
  for (const command of ['hearing', 'word']) kernel.tell('ear', 'one', command);
  await clock.advance(1);
  assert.deepEqual(stepped, ['word', 'deaf', 'hearing', 'word']);
});
