// A schedule is even, bounded, and the same for the same seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fault, kindNames, kinds, scheduleOf } from './schedule.ts';

const wish = { seed: 7, faults: 300, kinds: kindNames, nodes: 3, stores: 3, lanes: 3 };

test('300 faults are twenty of each kind, each within its bounds', () => {
  const faults = scheduleOf(wish).flat();
  assert.equal(faults.length, 300);
  assert.deepEqual(
    faults.map(({ nth }) => nth).sort((one, other) => one - other),
    Array.from({ length: 300 }, (_, at) => at + 1),
  );
  for (const kind of kindNames) {
    const own = faults.filter((fault) => fault.kind === kind);
    assert.equal(own.length, 20, kind);
    const [least, most] = kinds[kind].forMs;
    for (const { forMs, on } of own) assert(forMs >= least && forMs <= most && on >= 0 && on < 3, kind);
    if (kinds[kind].on !== 'all') assert.deepEqual(new Set(own.map(({ on }) => on)), new Set([0, 1, 2]), `${kind} hits everybody`);
  }
});

test('a seed gives the same schedule again, another seed another one', () => {
  assert.deepEqual(scheduleOf(wish), scheduleOf(wish));
  assert.notDeepEqual(scheduleOf(wish), scheduleOf({ ...wish, seed: 8 }));
});

test('only the kinds that are wished for; in one lane, or in the lanes that they need', () => {
  const lists = scheduleOf({ ...wish, faults: 10, kinds: ['killNode', 'cutNats'] });
  const kindsOf = (list: readonly Fault[] | undefined): readonly string[] => [...new Set(list?.map(({ kind }) => kind))];
  assert.deepEqual(lists.map(kindsOf), [['killNode'], ['cutNats']]);
  assert.equal(scheduleOf({ ...wish, lanes: 1 }).length, 1);
  assert.equal(scheduleOf({ ...wish, lanes: 1 }).flat().length, 300);
});
