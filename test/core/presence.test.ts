// Whether somebody is there is told to those who watch, once per change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PresenceCommand, type PresenceState, step } from '../../src/core/presence.ts';
import { ann, bob, eve, noon } from './builders.ts';

const away: PresenceState = { userId: ann.userId, online: false, lastSeenMs: noon - 60_000, watchers: new Set() };
const here = { kind: 'seen', online: true } as const;
const gone = { kind: 'seen', online: false } as const;
const watchedBy = (who: typeof bob): PresenceCommand => ({ kind: 'watch', by: who.userId });

function take(...commands: readonly PresenceCommand[]) {
  return commands.reduce((now, command) => step(now.state, command, noon), step(away, { kind: 'unwatch', by: eve.userId }, noon));
}

test('whoever begins to watch is told at once how things stand', () => {
  assert.deepEqual(take(watchedBy(bob)).effects, [{ kind: 'tell', to: bob.userId, about: { userId: ann.userId, online: false, lastSeenMs: noon - 60_000 } }]);
});

test('each change is told to every watcher, with the hour', () => {
  const { effects } = take(watchedBy(bob), watchedBy(eve), here);
  assert.deepEqual(
    effects.map(({ to, about }) => [to, about.online, about.lastSeenMs]),
    [
      [bob.userId, true, noon],
      [eve.userId, true, noon],
    ],
  );
  assert.deepEqual(
    take(watchedBy(bob), here, gone).effects.map(({ about }) => about.online),
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
