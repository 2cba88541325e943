// Whether somebody is there is told to those who watch, once per change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PresenceCommand, type PresenceEffect, type PresenceState, step } from '../../src/core/presence.ts';
import { ann, bob, eve, noon } from './builders.ts';

const away: PresenceState = { userId: ann.userId, online: false, lastSeenMs: noon - 60_000, watchers: new Set(), changes: 0 };
const here = { kind: 'seen', online: true } as const;
const gone = { kind: 'seen', online: false } as const;
const watchedBy = (who: typeof bob): PresenceCommand => ({ kind: 'watch', by: who.userId });

function take(...commands: readonly PresenceCommand[]) {
  return commands.reduce((now, command) => step(now.state, command, noon), step(away, { kind: 'unwatch', by: eve.userId }, noon));
}

const told = ({ effects }: { effects: readonly PresenceEffect[] }) => effects.filter((effect) => effect.kind === 'tell');

test('whoever begins to watch is told at once how things stand', () => {
  assert.deepEqual(told(take(watchedBy(bob))), [{ kind: 'tell', to: bob.userId, about: { userId: ann.userId, online: false, lastSeenMs: noon - 60_000 } }]);
});

test('each change is told to every watcher, with the hour', () => {
  assert.deepEqual(
    told(take(watchedBy(bob), watchedBy(eve), here)).map(({ to, about }) => [to, about.online, about.lastSeenMs]),
    [
      [bob.userId, true, noon],
      [eve.userId, true, noon],
    ],
  );
  assert.deepEqual(
    told(take(watchedBy(bob), here, gone)).map(({ about }) => about.online),
    [false],
  );
});

test('what has not changed is told to nobody', () => {
  assert.deepEqual(take(watchedBy(bob), here, here).effects, []);
});

test('whoever has stopped watching is told nothing', () => {
  assert.deepEqual(take(watchedBy(bob), { kind: 'unwatch', by: bob.userId }, here).effects, []);
});

test('watching twice is being told once', () => {
  assert.equal(take(watchedBy(bob), watchedBy(bob), here).effects.length, 1);
});

const looked = (online: boolean, lastSeenMs: number, changes = 0): PresenceCommand => ({ kind: 'looked', online, lastSeenMs, changes });

test('what was looked up is told where it is new: seen on another node, or unknown, which is grey', () => {
  assert.deepEqual(
    told(take(watchedBy(bob), looked(true, noon - 5))).map(({ about }) => [about.online, about.lastSeenMs]),
    [[true, noon - 5]],
  );
  assert.deepEqual(
    told(take(watchedBy(bob), looked(false, 0))).map(({ about }) => [about.online, about.lastSeenMs]),
    [[false, 0]],
  );
  assert.deepEqual(told(take(watchedBy(bob), looked(false, noon - 60_000))), []);
});

test('what was looked up before the last change heard of is older, and passed over', () => {
  assert.deepEqual(told(take(watchedBy(bob), here, gone, looked(true, noon - 5))), []);
  assert.equal(take(watchedBy(bob), here, gone, looked(true, noon - 5)).state.online, false);
});

test('as long as somebody watches, it is looked up again and again', () => {
  assert.deepEqual(take(watchedBy(bob)).effects.at(-1), { kind: 'lookLater' });
  assert.deepEqual(take(watchedBy(bob), { kind: 'look' }).effects, [{ kind: 'look', changes: 0 }]);
  for (const found of [looked(true, 1), looked(true, 1, 7)]) assert.deepEqual(take(watchedBy(bob), found).effects.at(-1), { kind: 'lookLater' });
});
