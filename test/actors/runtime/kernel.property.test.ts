// Whatever happens to an entity, and in whatever order, each command told to it is done or given back, and never both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StoreFull, StoreRefused, Superseded } from '../../../src/store/faults.ts';
import { Bench, type Does, outOfReach } from './ledger.ts';

const faults = {
  full: () => new StoreFull('no room'),
  outOfReach,
  superseded: () => new Superseded('by another'),
  refused: () => new StoreRefused('too large'),
  bug: () => new Error('a bug'),
};
type Fault = keyof typeof faults;

const someFault = fc.constantFrom<Fault>('full', 'outOfReach', 'outOfReach', 'superseded', 'superseded', 'refused', 'bug');
const someId = fc.constantFrom('one', 'two', 'three');
const someDoes = fc.constantFrom<Does>('count', 'count', 'keep', 'keep', 'keep', 'read', 'poison', 'clumsy', 'end', 'poisonOver');

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('tell' as const), id: someId, does: fc.array(someDoes, { minLength: 1, maxLength: 6 }), bytes: fc.constantFrom(1, 40, 300) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(10, 200, 3_000, 70_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('putAway' as const), id: someId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('anotherWrites' as const), id: someId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('loadFault' as const), fault: someFault }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commitFault' as const), fault: someFault }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** Every command that was told, by its number. */
interface Told {
  readonly id: string;
  readonly does: Does;
}

async function play(bench: Bench, told: Told[], one: Action): Promise<void> {
  switch (one.kind) {
    case 'tell':
      for (const does of one.does) bench.tell(one.id, does, `${told.push({ id: one.id, does }) - 1}`, one.bytes);
      return;
    case 'settle':
      return bench.settle();
    case 'advance':
      return bench.clock.advance(one.ms);
    case 'putAway':
      return void bench.kernel.putAway('ledger', one.id);
    case 'anotherWrites':
      return void bench.disk.log(one.id).push('x');
    case 'loadFault':
      return void bench.disk.loadFaults.push(faults[one.fault]());
    case 'commitFault':
      return void bench.disk.commitFaults.push(faults[one.fault]());
    case 'hold':
      return bench.disk.hold();
    case 'release':
      return bench.disk.release();
  }
}

/** `id:number…` of what was performed or given back, as [id, number]. */
function outcomes(lines: readonly string[]): [string, number][] {
  return lines.map((line) => {
    const [id = '', rest = ''] = line.split(':');
    return [id, Number.parseInt(rest, 10)];
  });
}

function check(bench: Bench, told: readonly Told[]): void {
  assert.deepEqual(bench.violations, []);
  const times = told.map(() => 0);
  const last = new Map<string, number>();
  const kept = new Map<string, number[]>();
  for (const [id, number] of outcomes(bench.performed)) {
    times[number] = (times[number] ?? 0) + 1;
    assert.equal(told[number]?.id, id);
    assert.ok(number > (last.get(id) ?? -1), `${id} has done ${number} after ${last.get(id)}`);
    last.set(id, number);
    if (told[number]?.does === 'keep') kept.set(id, [...(kept.get(id) ?? []), number]);
  }
  for (const [, number] of outcomes(bench.givenBack)) times[number] = (times[number] ?? 0) + 1;
  for (const [number, count] of times.entries()) assert.equal(count, 1, `${number} (${told[number]?.does}) was answered ${count} times`);
  for (const id of ['one', 'two', 'three']) {
    const onDisk = bench.disk.log(id).filter((name) => name !== 'x');
    assert.deepEqual(onDisk.map(Number), kept.get(id) ?? []);
  }
}

test('each command is done once, in order, and durable if it had to be, or else is given back, whatever fails', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), fc.boolean(), async (actions, stops) => {
      const bench = new Bench({ turnBudget: 5, restarts: { max: 2, withinMs: 20_000, backoffMsMin: 100, backoffMsMax: 2_000 }, supersededMax: 3 });
      const told: Told[] = [];
      for (const one of actions) await play(bench, told, one);
      let stopped = !stops;
      if (stops) void bench.kernel.stop().then(() => (stopped = true));
      bench.disk.release();
      await bench.clock.advance(stops ? 9_000 : 300_000);
      assert.ok(stopped, 'the stop takes as long as what is under way, no longer');
      check(bench, told);
      assert.equal(bench.clock.pending, 0, 'nothing is left behind');
      if (!stops) assert.equal(bench.kernel.awake('ledger'), bench.kernel.inQuarantine('ledger'));
      for (const { kind } of bench.events) seen.add(kind);
      for (const line of bench.givenBack) seen.add(line.split(' ')[1] ?? '');
    }),
    { numRuns: 400 },
  );
  // The property is worth what it has met.
  for (const kind of ['crashed', 'restarted', 'quarantined', 'superseded', 'unavailable', 'passivated', 'released']) assert.ok(seen.has(kind), kind);
  for (const why of ['busy', 'storeFull', 'unavailable', 'internal', 'draining']) assert.ok(seen.has(why), why);
});
