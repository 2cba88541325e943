// What happens to an entity whose code or store fails, and to nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../../src/actors/runtime/restarts.ts';
import { StoreRefused, Superseded } from '../../../src/store/faults.ts';
import { Bench, outOfReach } from './ledger.ts';

const second = 1_000;

async function quarantined(): Promise<Bench> {
  const bench = new Bench({ restarts: { max: 2, withinMs: 60 * second, backoffMsMin: 100, backoffMsMax: second } });
  bench.tell('one', 'keep', 'a');
  for (const name of ['p', 'q', 'r']) {
    bench.tell('one', 'poison', name);
    await bench.clock.advance(2 * second);
  }
  return bench;
}

test('a command that makes step throw is given back; the rest of its batch is done, and the entity is loaded anew', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  bench.tell('one', 'poison', 'p');
  bench.tell('one', 'count', 'b');
  bench.tell('one', 'keep', 'c');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:c']);
  assert.deepEqual(bench.givenBack, ['one:p internal']);
  bench.tell('one', 'read', 'r');
  await bench.settle();
  assert.equal(bench.disk.loads, 1, 'it rests before it is loaded again');
  await bench.clock.advance(second);
  assert.equal(bench.performed.at(-1), 'one:r=ac/0', 'what was not durable is gone');
  assert.deepEqual(bench.kinds(), ['crashed', 'restarted']);
});

test('no effect of a command that throws is done, not even those that were sorted before it threw', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  bench.tell('one', 'odd', 'p');
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:b']);
  assert.deepEqual(bench.disk.log('one'), ['a', 'b']);
  assert.deepEqual(bench.givenBack, ['one:p internal']);
});

test('what an activation has sent to itself lapses when it crashes or is superseded', async () => {
  const bench = new Bench();
  bench.tell('one', 'remind', 'a');
  bench.tell('one', 'poison', 'p');
  bench.tell('two', 'remind', 'b');
  await bench.settle();
  bench.disk.commitFaults = [new Superseded('by another')];
  bench.tell('two', 'keep', 'c');
  await bench.settle();
  bench.disk.hold();
  await bench.clock.advance(5 * second);
  bench.disk.release();
  await bench.clock.advance(5 * second);
  assert.deepEqual(bench.performed, ['one:a', 'two:b', 'two:c']);
});

test('mail that comes during the rest waits, up to the mailbox limit', async () => {
  const bench = new Bench();
  bench.tell('one', 'poison', 'p');
  await bench.settle();
  for (let at = 0; at < 9; at += 1) bench.tell('one', 'count', `${at}`);
  assert.deepEqual(bench.givenBack, ['one:p internal', 'one:8 busy']);
  await bench.clock.advance(second);
  assert.equal(bench.performed.length, 8);
});

test('a crash leaves the neighbours alone', async () => {
  const bench = new Bench();
  for (const id of ['one', 'two']) bench.tell(id, 'count', 'a');
  await bench.settle();
  bench.tell('two', 'count', 'b');
  bench.tell('one', 'poison', 'p');
  bench.tell('two', 'count', 'c');
  await bench.settle();
  bench.tell('two', 'read', 'r');
  await bench.settle();
  assert.deepEqual(bench.performed.slice(2), ['two:b', 'two:c', 'two:r=/3']);
  assert.equal(bench.disk.loads, 2);
});

test('an effect that throws does not keep the others from being performed, and counts as a crash', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  bench.tell('one', 'clumsy', 'f');
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:f', 'one:b']);
  assert.deepEqual(bench.givenBack, []);
  assert.equal(bench.kernel.counts.crashes, 1);
  await bench.clock.advance(second);
  assert.equal(bench.disk.loads, 2);
});

test('a commit that fails for an unknown reason is a crash, and gives the batch back busy', async () => {
  const bench = new Bench();
  bench.disk.commitFaults = [new Error('a bug')];
  bench.tell('one', 'keep', 'a');
  bench.tell('one', 'count', 'b');
  await bench.settle();
  assert.deepEqual(bench.givenBack, ['one:a busy', 'one:b busy']);
  await bench.clock.advance(second);
  bench.tell('one', 'keep', 'c');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:c']);
  assert.deepEqual(bench.kinds(), ['crashed', 'restarted']);
});

test('isOver that throws is a crash, like all else that an actor does', async () => {
  const bench = new Bench();
  bench.tell('one', 'poisonOver', 'a');
  await bench.clock.advance(second);
  bench.tell('one', 'count', 'b');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:a', 'one:b']);
  assert.deepEqual(bench.kinds(), ['crashed', 'restarted']);
});

test('giveBack that throws harms neither the one who tells nor the entity', async () => {
  const bench = new Bench(
    {},
    {
      giveBack: () => {
        throw new Error('nobody there');
      },
    },
  );
  for (let at = 0; at < 9; at += 1) bench.tell('one', 'count', `${at}`);
  await bench.settle();
  assert.equal(bench.performed.length, 8);
  assert.deepEqual(bench.kinds(), ['crashed']);
  assert.equal(bench.kernel.counts.givenBack, 1);
});

test('the rest grows with each crash, up to its limit, and is shortened at random', () => {
  const limits = { backoffMsMin: 100, backoffMsMax: 1_000 };
  assert.deepEqual([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(limits, attempt, () => 0.999_999)).map(Math.round), [100, 200, 400, 800, 1_000, 1_000]);
  assert.equal(
    backoffMs(limits, 2, () => 0),
    100,
  );
});

test('one crash too many within the window quarantines; crashes further apart never do', async () => {
  const bench = await quarantined();
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
  assert.equal(bench.kinds().at(-1), 'quarantined');
  const patient = new Bench({ restarts: { max: 2, withinMs: 10 * second, backoffMsMin: 100, backoffMsMax: second } });
  for (let at = 0; at < 12; at += 1) {
    patient.tell('one', 'poison', `${at}`);
    await patient.clock.advance(6 * second);
  }
  assert.equal(patient.kernel.counts.crashes, 12);
  assert.equal(patient.kernel.inQuarantine('ledger'), 0);
});

test('in quarantine reads are served from the last good state and leave no trace in it; the rest is given back', async () => {
  const bench = await quarantined();
  bench.givenBack.length = 0;
  bench.performed.length = 0;
  bench.tell('one', 'read', 'x');
  bench.tell('one', 'keep', 'b');
  bench.tell('one', 'count', 'c');
  bench.tell('one', 'read', 'y');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:x=a/0', 'one:y=a/0']);
  assert.deepEqual(bench.givenBack, ['one:b quarantined', 'one:c quarantined']);
  assert.deepEqual(bench.disk.log('one'), ['a']);
});

test('quarantine outlasts the idle clock, and ends when the entity is put away', async () => {
  const bench = await quarantined();
  await bench.clock.advance(600 * second);
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
  const gone = bench.kernel.putAway('ledger', 'one');
  await bench.settle();
  await gone;
  assert.equal(bench.kernel.inQuarantine('ledger'), 0);
  assert.equal(bench.passivated.length, 0, 'a state that is not trusted makes no snapshot');
  bench.tell('one', 'keep', 'b');
  await bench.settle();
  assert.deepEqual(bench.disk.log('one'), ['a', 'b']);
});

test('an entity that cannot be loaded is quarantined too, and loaded once more for a read when the store is well', async () => {
  const bench = new Bench({ restarts: { max: 1, withinMs: 60 * second, backoffMsMin: 100, backoffMsMax: 5 * second } });
  bench.disk.log('one').push('a');
  bench.disk.loadFaults = [new Error('bad bytes'), new Error('bad bytes')];
  bench.tell('one', 'read', 'x');
  bench.tell('one', 'keep', 'b');
  await bench.clock.advance(second);
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
  assert.deepEqual(bench.givenBack, ['one:x quarantined', 'one:b quarantined'], 'no load so soon after one that failed');
  await bench.clock.advance(5 * second);
  bench.tell('one', 'read', 'y');
  await bench.settle();
  assert.deepEqual(bench.performed, ['one:y=a/0']);
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
});

test('what the store can never accept quarantines at once instead of being tried again', async () => {
  const bench = new Bench();
  bench.disk.commitFaults = [new StoreRefused('too large')];
  bench.tell('one', 'keep', 'a');
  await bench.clock.advance(60 * second);
  assert.deepEqual(bench.givenBack, ['one:a quarantined']);
  assert.equal(bench.disk.commits, 1);
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
});

test('an entity that is over after each crash is still quarantined: crashes are remembered for the window', async () => {
  const bench = new Bench({ restarts: { max: 2, withinMs: 60 * second, backoffMsMin: 100, backoffMsMax: second } }, { isOver: () => true });
  for (let at = 0; at < 3; at += 1) {
    bench.tell('one', 'poison', `${at}`);
    await bench.clock.advance(2 * second);
  }
  assert.equal(bench.kernel.inQuarantine('ledger'), 1);
  bench.tell('two', 'poison', 'x');
  await bench.clock.advance(50 * second);
  assert.equal(bench.kernel.awake('ledger'), 2);
  await bench.clock.advance(80 * second);
  assert.equal(bench.kernel.awake('ledger'), 1, 'and then the one that is well goes');
});

test('a store out of reach: mail waits for it a while, is then given back, and nothing goes on trying for nobody', async () => {
  const bench = new Bench({ unavailableMsMax: 10 * second });
  bench.disk.loadFaults = new Array(100).fill(outOfReach());
  bench.tell('one', 'count', 'a');
  await bench.clock.advance(5 * second);
  assert.deepEqual(bench.givenBack, []);
  bench.tell('one', 'count', 'b');
  await bench.clock.advance(15 * second);
  assert.deepEqual(bench.givenBack, ['one:a unavailable', 'one:b unavailable']);
  assert.equal(bench.kernel.awake('ledger'), 0);
  assert.equal(bench.kernel.counts.crashes, 0);
  assert.equal(bench.clock.pending, 0);
});

test('a store that comes back in time: what waited is done', async () => {
  const bench = new Bench();
  bench.disk.loadFaults = [outOfReach(), outOfReach()];
  bench.tell('one', 'count', 'a');
  await bench.clock.advance(5 * second);
  assert.deepEqual(bench.performed, ['one:a']);
  assert.deepEqual(bench.kinds(), ['unavailable', 'unavailable']);
});

test('no two handlers of one entity run at once: a crash of one batch waits for no promise, and the next load for all of them', async () => {
  const bench = new Bench();
  bench.tell('one', 'keep', 'a');
  await bench.settle();
  bench.disk.hold();
  bench.tell('one', 'poison', 'p');
  bench.tell('one', 'keep', 'b'); // its commit hangs, and the crash is already known
  await bench.clock.advance(10 * second);
  const gone = bench.kernel.putAway('ledger', 'one');
  bench.tell('one', 'keep', 'c');
  await bench.clock.advance(10 * second);
  assert.equal(bench.disk.loads, 1, 'no new activation while a commit of the old one is under way');
  bench.disk.release();
  await bench.clock.advance(10 * second);
  await gone;
  assert.deepEqual(bench.disk.log('one'), ['a', 'b', 'c']);
  assert.deepEqual(bench.performed, ['one:a', 'one:b', 'one:c']);
  assert.deepEqual(bench.violations, []);
});

test('a superseded batch with a poisonous command is stepped again without it, after the crash', async () => {
  const bench = new Bench();
  bench.tell('one', 'count', 'wake');
  await bench.settle();
  bench.disk.commitFaults = [new Superseded('by another')];
  bench.tell('one', 'keep', 'a');
  bench.tell('one', 'poison', 'p');
  bench.tell('one', 'keep', 'b');
  await bench.clock.advance(10 * second);
  assert.deepEqual(bench.givenBack, ['one:p internal']);
  assert.deepEqual(bench.disk.log('one'), ['a', 'b']);
  assert.deepEqual(bench.performed, ['one:wake', 'one:a', 'one:b']);
  assert.equal(bench.kernel.counts.crashes, 1);
});
