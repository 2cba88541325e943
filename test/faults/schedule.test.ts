// A schedule is even, bounded, and the same for the same seed; what begins when leaves enough standing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Kind, kindNames, kinds } from './kinds.ts';
import { type Fault, nextOf, scheduleOf } from './schedule.ts';

const wish = { seed: 7, faults: 300, kinds: kindNames, nodes: 3, stores: 3 };

test('300 faults are twenty of each kind, each within its bounds', () => {
  const faults = scheduleOf(wish);
  assert.deepEqual(
    faults.map(({ nth }) => nth),
    Array.from({ length: 300 }, (_, at) => at + 1),
  );
  for (const kind of kindNames) {
    const own = faults.filter((fault) => fault.kind === kind);
    assert.equal(own.length, 20, kind);
    const [least, most] = kinds[kind].forMs;
    for (const { forMs } of own) assert(forMs >= least && forMs <= most, kind);
    const times = [0, 1, 2].map((at) => own.filter(({ on }) => on === at).length);
    if (kinds[kind].on === 'all') assert.deepEqual(times, [20, 0, 0], kind);
    else if (kind === 'upgradeNode') assert.deepEqual(times, [0, 10, 10], 'the first node stays what it is');
    else assert(Math.max(...times) - Math.min(...times) <= 1, `${kind} hits everybody: ${times}`);
  }
});

test('however early it is cut off, no kind has come two times more often than another', () => {
  const counts = new Map(kindNames.map((kind) => [kind, 0]));
  for (const { kind } of scheduleOf({ ...wish, faults: 298 })) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    assert(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1);
  }
});

test('at most one node is ahead of the others by an upgrade', () => {
  const upgraded = scheduleOf(wish).flatMap(({ kind, on }) => (kind === 'upgradeNode' ? [on] : []));
  for (let at = 0; at < upgraded.length; at += 2) assert.equal(upgraded[at], upgraded[at + 1]);
});

test('a seed gives the same schedule again, another seed another one; only the kinds that are wished for', () => {
  assert.deepEqual(scheduleOf(wish), scheduleOf(wish));
  assert.notDeepEqual(scheduleOf(wish), scheduleOf({ ...wish, seed: 8 }));
  assert.deepEqual(new Set(scheduleOf({ ...wish, faults: 10, kinds: ['killNode', 'cutNats'] }).map(({ kind }) => kind)), new Set(['killNode', 'cutNats']));
});

const fault = (kind: Fault['kind'], on = 0, round = 1): Fault => ({ nth: 1, round, kind, on, forMs: 0, strength: 0, heads: true });
const mayBegin = (one: Fault, ...underWay: readonly Fault[]): boolean => nextOf([one], underWay) === one;

test('no two faults at once that hit the same, or of which one would undo the other', () => {
  const hitTheSame = [
    [fault('killNode', 0), fault('pauseNode', 1)],
    [fault('killStore', 0), fault('pauseStore', 1)],
    [fault('cutNats', 0), fault('restartNats')],
    [fault('slowRedis', 0), fault('flushRedis')],
    [fault('slowStore', 0), fault('cutStore', 1)],
    [fault('killNode', 1), fault('slowStore', 1)],
    [fault('jumpClock', 1), fault('cutRedis', 1)],
  ] as const;
  for (const [one, other] of hitTheSame)
    for (const [later, sooner] of [[one, other] as const, [other, one] as const]) assert(!mayBegin(later, sooner), `${later.kind} while ${sooner.kind}`);
  const apart = [
    [fault('killNode', 0), fault('slowStore', 1)],
    [fault('cutNats', 1), fault('slowRedis', 1)],
    [fault('killStore', 1), fault('cutStore', 1)],
    [fault('drainNode', 0), fault('restartNats')],
    [fault('jumpClock', 0), fault('killNode', 1)],
  ] as const;
  for (const [one, other] of apart)
    for (const [later, sooner] of [[one, other] as const, [other, one] as const]) assert(mayBegin(later, sooner), `${later.kind} while ${sooner.kind}`);
});

test('a round begins only when all but the one before it are over, and what waits is overtaken', () => {
  const [kill, pause, slow] = [fault('killNode', 0, 1), fault('pauseNode', 1, 1), fault('slowNats', 2, 2)];
  assert.equal(nextOf([pause, slow], [kill]), slow);
  assert.equal(nextOf([{ ...slow, round: 3 }], [kill]), undefined);
  assert.equal(nextOf([{ ...slow, round: 3 }], [{ ...kill, round: 2 }])?.kind, 'slowNats');
  assert.equal(nextOf([], [kill]), undefined);
});

test('never are all of the nodes hit in their processes and their ways to the others, nor two nodes of the store away', () => {
  const left = [...scheduleOf(wish)];
  const underWay: Fault[] = [];
  while (left.length > 0) {
    for (let next = nextOf(left, underWay); next !== undefined; next = nextOf(left, underWay)) underWay.push(...left.splice(left.indexOf(next), 1));
    const hit = new Set(underWay.filter(({ kind }) => ['process', 'nats'].includes((kinds[kind] as Kind).hits) && kinds[kind].on === 'node').map(({ on }) => on));
    assert(hit.size < 3);
    assert(underWay.filter(({ kind }) => kinds[kind].on === 'store').length <= 1);
    underWay.shift();
  }
});
