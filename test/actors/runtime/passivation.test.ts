// How entities go: after idling, when they are over, when they are put away, when the kernel stops.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Superseded } from '../../../src/store/faults.ts';
import { Bench, outOfReach } from './ledger.ts';

const second = 1_000;
const tickMs = 20;

test('an idle entity is put away after its time, and wakes again from the store', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.clock.advance(60 * second - tickMs);
  assert.equal(bench.kernel.awake('ledger'), 1);
  await bench.clock.advance(2 * tickMs);
  assert.equal(bench.kernel.awake('ledger'), 0);
  assert.deepEqual(bench.passivated[0]?.kept, ['a']);
  assert.equal(bench.clock.pending, 0, 'a wheel without timers does not tick');
  bench.tell('one', 'read', 'r');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:r=a/0']);
});

test('an entity that is used stays, though commands never touch its timer', async () => {
  const bench = new Bench();
  for (let at = 0; at < 10; at += 1) {
    bench.tell('one', 'count', `${at}`);
    await bench.clock.advance(45 * second);
  }
  assert.equal(bench.disk.loads, 1);
  await bench.clock.advance(15 * second + tickMs);
  assert.equal(bench.kernel.awake('ledger'), 0);
});

test('an entity that is over goes at once; what comes while it goes wakes it again afterwards', async () => {
  const bench = new Bench();
  let parted: () => void = () => undefined;
  bench.parting = new Promise((resolve) => {
    parted = resolve;
  });
  bench.tell('one', 'end', 'a');
  await bench.settle();
  assert.equal(bench.kernel.tellIfAwake('ledger', 'one', { name: 'push', does: 'count' }), false, 'one that goes is not awake');
  bench.tell('one', 'count', 'b');
  await bench.settle();
  assert.deepEqual([bench.disk.loads, bench.performed], [1, ['one:a']]);
  parted();
  await bench.settle();
  assert.deepEqual([bench.disk.loads, bench.performed], [2, ['one:a', 'one:b']]);
  assert.deepEqual(bench.violations, []);
});

test('an entity that is over but has mail goes on with the same activation', async () => {
  const bench = new Bench();
  bench.tell('one', 'end', 'a');
  for (const name of ['b', 'c', 'd', 'e', 'f']) bench.tell('one', 'count', name);
  await bench.settle();
  assert.equal(bench.performed.length, 6);
  assert.equal(bench.disk.loads, 1);
});

test('putting away waits for the commit under way; what waits behind it wakes a new activation', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  bench.tell('one', 'keep', 'c');
  let gone = false;
  void bench.kernel.putAway('ledger', 'one').then(() => {
    gone = true;
  });
  await bench.clock.advance(second);
  assert.deepEqual([gone, bench.disk.loads], [false, 1]);
  bench.disk.release();
  await bench.settle();
  assert.deepEqual([gone, bench.disk.loads], [true, 2]);
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:c']);
  assert.deepEqual(bench.violations, []);
});

test('each activation has a larger uid than the one before', async () => {
  const uids: number[] = [];
  const bench = new Bench({}, { perform: (_effect, self) => void uids.push(self.uid) });
  for (let at = 0; at < 3; at += 1) {
    bench.tell('one', 'count', `${at}`);
    await bench.settle();
    const gone = bench.kernel.putAway('ledger', 'one');
    await bench.settle();
    await gone;
  }
  assert.equal(uids.length, 3);
  assert.deepEqual(
    uids,
    uids.toSorted((one, other) => one - other),
  );
  assert.equal(new Set(uids).size, 3);
});

test('putting away one that is not there, or one that rests, is done at once', async () => {
  const bench = new Bench();
  await bench.kernel.putAway('ledger', 'nobody');
  bench.tell('one', 'poison', 'p');
  await bench.settle();
  bench.tell('one', 'count', 'a');
  const gone = bench.kernel.putAway('ledger', 'one');
  await bench.settle();
  await gone;
  assert.deepEqual(bench.performed, ['one:a'], 'what waited wakes it without a rest');
});

test('putting away one that was superseded loses none of its batch', async () => {
  const bench = new Bench();
  bench.tell('one', 'count', 'wake');
  await bench.settle();
  bench.disk.commitFaults = [new Superseded('by another')];
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  const gone = bench.kernel.putAway('ledger', 'one');
  await bench.settle();
  await gone;
  assert.deepEqual(bench.disk.log('one'), ['a']);
  assert.deepEqual(bench.performed, ['one:wake', 'one:a']);
});

test('one that moves away finishes its commit here; what waits behind it is taken over in its order, and wakes nobody here', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  for (const name of ['c', 'd']) bench.tell('one', 'keep', name);
  const taken: unknown[] = [];
  bench.kernel.moveAway('ledger', 'one', (command) => taken.push((command as { name: string }).name));
  assert.deepEqual(taken, ['c', 'd']);
  bench.disk.release();
  await bench.settle();
  assert.deepEqual([bench.performed, bench.disk.loads, bench.kernel.awake('ledger')], [['one:a', 'one:b'], 1, 0]);
  assert.deepEqual(bench.violations, []);
});

test('one that moves away while it waits to step a superseded batch again gives that batch away, before what came later', async () => {
  const bench = new Bench();
  bench.tell('one', 'count', 'wake');
  await bench.settle();
  bench.disk.commitFaults = [new Superseded('by another')];
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.tell('one', 'keep', 'b');
  const taken: unknown[] = [];
  bench.kernel.moveAway('ledger', 'one', (command) => taken.push((command as { name: string }).name));
  await bench.settle();
  assert.deepEqual([taken, bench.disk.log('one'), bench.kernel.awake('ledger')], [['a', 'b'], [], 0]);
});

test('what is told to one that moves away is served here, by a new activation', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  bench.kernel.moveAway('ledger', 'one', (command) => bench.kernel.tell('ledger', 'one', command));
  bench.kernel.moveAway('ledger', 'nobody', () => assert.fail('nobody is there'));
  await bench.settle();
  assert.deepEqual(bench.disk.log('one'), ['a']);
});

test('a passivate that fails is reported, and the entity goes all the same', async () => {
  const bench = new Bench();
  bench.parting = Promise.reject(new Error('no snapshot'));
  bench.parting.catch(() => undefined);
  bench.tell('one', 'end', 'a');
  await bench.settle();
  assert.equal(bench.kernel.awake('ledger'), 0);
  assert.deepEqual(bench.kinds(), ['crashed', 'passivated']);
});

test('after a jump of the clock idle entities go, over as many turns as it takes', async () => {
  const bench = new Bench({ turnBudget: 10 });
  for (let at = 0; at < 100; at += 1) bench.tell(`${at}`, 'count', 'a');
  await bench.settle();
  bench.clock.leap(24 * 3_600 * second);
  await bench.clock.advance(0);
  assert.equal(bench.kernel.awake('ledger'), 0);
  assert.equal(bench.passivated.length, 100);
});

test('a stop finishes what was accepted, gives back what comes later, and puts everybody away', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  bench.tell('one', 'keep', 'c');
  bench.tell('two', 'keep', 'd');
  let stopped = false;
  const stop = bench.kernel.stop().then(() => {
    stopped = true;
  });
  bench.tell('one', 'keep', 'late');
  bench.tell('three', 'keep', 'later');
  assert.deepEqual(bench.givenBack, ['one:late draining', 'three:later draining']);
  await bench.settle();
  assert.equal(stopped, false);
  bench.disk.release();
  await bench.settle();
  await stop;
  assert.deepEqual(bench.performed.toSorted(), ['one:a', 'one:b', 'one:c', 'two:d']);
  assert.deepEqual(bench.passivated.map(({ id }) => id).toSorted(), ['one', 'two']);
  assert.equal(bench.kernel.awake('ledger'), 0);
  assert.equal(bench.clock.pending, 0);
  bench.tell('one', 'count', 'after the end');
  assert.equal(bench.givenBack.at(-1), 'one:after the end draining');
});

test('while stopping, what an accepted command tells to another entity is still done', async () => {
  const bench = new Bench(
    {},
    {
      perform: ({ name }, self) => {
        bench.performed.push(`${self.id}:${name}`);
        if (self.id === 'chat') bench.tell('session', 'count', `answer to ${name}`);
      },
    },
  );
  bench.tell('session', 'count', 'wake');
  await bench.settle();
  bench.disk.hold();
  bench.tell('chat', 'keep', 'a');
  const stop = bench.kernel.stop();
  await bench.settle();
  bench.disk.release();
  await bench.settle();
  await stop;
  assert.deepEqual(bench.performed, ['session:wake', 'chat:a', 'session:answer to a']);
  assert.equal(bench.disk.loads, 2, 'the session was not put away before the answer');
});

test('a stop gives back what waits for a restart, and for a store out of reach', async () => {
  const bench = new Bench();
  bench.tell('one', 'poison', 'p');
  await bench.settle();
  bench.tell('one', 'count', 'a');
  bench.disk.loadFaults = [outOfReach()];
  bench.tell('two', 'count', 'b');
  const stop = bench.kernel.stop();
  await bench.settle();
  await stop;
  assert.deepEqual(bench.givenBack, ['one:p internal', 'one:a draining', 'two:b draining']);
});

test('a command to itself that falls due while the kernel puts everybody away is given back, and wakes nobody', async () => {
  const bench = new Bench({ turnBudget: 1 });
  for (const id of ['one', 'two', 'three']) bench.tell(id, 'remind', 'a');
  await bench.settle();
  const stop = bench.kernel.stop();
  bench.clock.runSoon(); // all is quiet: from here on they leave, one a turn
  bench.clock.leap(2 * second);
  bench.clock.runTimers();
  await bench.settle();
  await stop;
  assert.deepEqual(bench.givenBack, ['one:a again draining', 'two:a again draining', 'three:a again draining']);
  assert.deepEqual([bench.disk.loads, bench.passivated.length], [3, 3]);
});

test('a stop does not wait for ever: what hangs is abandoned, its mail given back, and its late answer ignored', async () => {
  const bench = new Bench({ stopMsMax: 3 * second });
  bench.tell('one', 'count', 'wake');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.tell('one', 'keep', 'b');
  const stop = bench.kernel.stop();
  await bench.clock.advance(3 * second);
  await stop;
  await bench.settle();
  assert.deepEqual(bench.givenBack, ['one:b draining']);
  assert.equal(bench.kinds().at(-1), 'abandoned');
  bench.disk.release();
  await bench.clock.advance(second);
  assert.deepEqual(bench.performed, ['one:wake']);
});
