// Whether somebody is there is told to those who watch, once per change, whichever node says it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PresenceCommand, type PresenceEffect, type PresenceState, step } from '../../src/core/presence.ts';
import { ann, bob, eve, noon } from './builders.ts';

const away: PresenceState = { userId: ann.userId, nodes: new Map(), lastSeenMs: noon - 60_000, watchers: new Set(), changes: 0 };
const comes = (node: string, atMs = noon): PresenceCommand => ({ kind: 'seen', node, online: true, atMs });
const leaves = (node: string, atMs = noon + 1): PresenceCommand => ({ kind: 'seen', node, online: false, atMs });
const watchedBy = (who: typeof bob): PresenceCommand => ({ kind: 'watch', by: who.userId });
const looked = (on: readonly string[], lastSeenMs: number, more: { changes?: number; knowsAll?: boolean; extra?: boolean } = {}): PresenceCommand => ({
  kind: 'looked',
  on,
  lastSeenMs,
  changes: 0,
  knowsAll: true,
  extra: false,
  ...more,
});

/** What is looked up comes so long after all else. */
function takeAfter(lookedAfterMs: number, commands: readonly PresenceCommand[]) {
  const nowMsOf = ({ kind }: PresenceCommand): number => noon + (kind === 'looked' ? lookedAfterMs : 0);
  return commands.reduce((now, command) => step(now.state, command, nowMsOf(command)), step(away, { kind: 'unwatch', by: eve.userId }, noon));
}
const take = (...commands: readonly PresenceCommand[]) => takeAfter(60_000, commands);

const told = ({ effects }: { effects: readonly PresenceEffect[] }) =>
  effects.filter((effect) => effect.kind === 'tell').map(({ to, about }) => [to, about.online, about.lastSeenMs]);

test('whoever begins to watch is told at once how things stand', () => {
  assert.deepEqual(take(watchedBy(bob)).effects[0], { kind: 'tell', to: bob.userId, about: { userId: ann.userId, online: false, lastSeenMs: noon - 60_000 } });
});

test('each change is told to every watcher, with the hour', () => {
  assert.deepEqual(told(take(watchedBy(bob), watchedBy(eve), comes('a'))), [
    [bob.userId, true, noon],
    [eve.userId, true, noon],
  ]);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), leaves('a'))), [[bob.userId, false, noon + 1]]);
});

test('whoever is on two nodes is there until gone from both', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), comes('b'))), [], 'is there already');
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), comes('b'), leaves('a'))), []);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), comes('b'), leaves('a'), leaves('b', noon + 5))), [[bob.userId, false, noon + 5]]);
  assert.deepEqual(told(take(looked(['a', 'b'], noon), watchedBy(bob), leaves('a'))), [], 'the other was found in the store');
});

test('what a node said before what it has said last is passed over, and so is what it says twice', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('a', noon), leaves('a', noon + 5), comes('a', noon))), []);
  assert.equal(take(watchedBy(bob), comes('a'), comes('a')).state.changes, 1);
  assert.deepEqual(told(take(watchedBy(bob), comes('a', noon), leaves('a', noon))), [[bob.userId, false, noon]], 'within one tick of the clock the later word counts');
  assert.deepEqual(
    told(take(watchedBy(bob), comes('a', noon + 3_600_000), leaves('a', noon + 3_600_001), comes('b', noon))),
    [[bob.userId, true, noon + 3_600_001]],
    'clocks of two nodes are not compared',
  );
});

test('what a node said counts no more when it is out of sight', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), { kind: 'gone', nodes: ['a', 'c'] })), [[bob.userId, false, noon]]);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), comes('b'), { kind: 'gone', nodes: ['a'] })), []);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), { kind: 'gone', nodes: ['c'] })), []);
});

test('whoever has stopped watching is told nothing', () => {
  assert.deepEqual(take(watchedBy(bob), { kind: 'unwatch', by: bob.userId }, comes('a')).effects, []);
});

test('watching twice is being told once', () => {
  assert.equal(take(watchedBy(bob), watchedBy(bob), comes('a')).effects.length, 1);
});

test('what was looked up is told where it is new: seen on another node, or unknown, which is grey', () => {
  assert.deepEqual(told(take(watchedBy(bob), looked(['b'], noon - 5))), [[bob.userId, true, noon - 5]]);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), looked([], 0, { changes: 1 }))), [[bob.userId, false, 0]]);
  assert.deepEqual(told(take(watchedBy(bob), looked([], noon - 60_000))), []);
});

test('of who is there and stays there, a later hour in the store is no news; of who is away it is', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), comes('b'), looked(['a', 'b'], noon + 7, { changes: 2 }))), []);
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), leaves('a'), looked([], noon + 7, { changes: 2 }))), [[bob.userId, false, noon + 7]]);
});

test('a store that hears one node alone takes nothing back of what others have said', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('b'), looked([], 0, { changes: 1, knowsAll: false }))), []);
  assert.deepEqual(told(take(watchedBy(bob), looked(['a'], noon, { knowsAll: false }), leaves('b', noon + 1))), []);
});

test('what was looked up before the last word heard is older, and passed over', () => {
  assert.deepEqual(told(take(watchedBy(bob), comes('a'), leaves('a'), looked(['a'], noon - 5))), []);
  assert.deepEqual(told(take(watchedBy(bob), looked(['b'], noon - 5, { changes: 7 }))), []);
});

test('what a node has just said itself counts more than the store, which may not have heard it yet', () => {
  const [left, came] = [
    [watchedBy(bob), comes('a'), leaves('a'), looked(['a'], noon, { changes: 2 })],
    [watchedBy(bob), comes('a'), looked([], noon - 60_000, { changes: 1 })],
  ];
  for (const commands of [left, came]) {
    assert.deepEqual(told(takeAfter(9_000, commands)), []);
    assert.equal(told(takeAfter(11_000, commands)).length, 1, 'later the store is right: what was said next may have been lost');
  }
  assert.deepEqual(
    told(takeAfter(9_000, [watchedBy(bob), comes('a'), leaves('a'), looked(['b'], noon, { changes: 2 })])),
    [[bob.userId, true, noon + 1]],
    'of other nodes it is news',
  );
});

test('as long as somebody watches it is looked up again and again, the first time soon; an extra look begins no other row', () => {
  assert.deepEqual(take(watchedBy(bob)).effects.at(-1), { kind: 'lookLater', first: true });
  assert.equal(take(watchedBy(bob), watchedBy(eve)).effects.length, 1);
  assert.deepEqual(take(watchedBy(bob), { kind: 'look', extra: false }).effects, [{ kind: 'look', changes: 0, extra: false }]);
  for (const found of [looked(['a'], 1), looked(['a'], 1, { changes: 7 })]) assert.deepEqual(take(watchedBy(bob), found).effects.at(-1), { kind: 'lookLater', first: false });
  assert.ok(take(watchedBy(bob), looked(['a'], 1, { extra: true })).effects.every(({ kind }) => kind === 'tell'));
});
