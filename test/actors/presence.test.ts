// What who watches is shown while the store is out of reach: as it was after one failure, grey after the next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presenceActor } from '../../src/actors/presence.ts';
import type { PresenceCommand } from '../../src/core/presence.ts';
import type { Found } from '../../src/store/presence.ts';
import { ann, bob } from '../store/samples.ts';

const seenMs = 1_000;
/** Beyond the time in which a node's own word counts more than the store. */
const laterMs = 60_000;

/** The actor of bob's presence on node `a`, whom ann watches. The store gives these answers in turn; none is one that fails. */
async function rig(found: readonly (Found | undefined)[], { tellsPresence = true } = {}) {
  const told: unknown[] = [];
  const later: { readonly delayMs: number; readonly command: PresenceCommand }[] = [];
  const left = [...found];
  const actor = presenceActor({
    router: { node: 'a', mayLose: true, tellsPresence, notifyUser: (to: string, { online }: { readonly online: boolean }) => told.push([to, online]) } as never,
    presence: {
      put: () => assert.fail('not in this test'),
      get: async () => left.shift() ?? Promise.reject(new Error('out of reach')),
    },
    isConnected: () => false,
  });
  const loaded = await actor.load(bob);
  let state = loaded.state;
  const self = { id: bob, uid: 1, context: loaded.context, after: (delayMs: number, command: PresenceCommand) => later.push({ delayMs, command }) };
  const take = (command: PresenceCommand): void => {
    const next = actor.step(state, command, laterMs);
    state = next.state;
    for (const effect of next.effects) actor.perform(effect, self);
  };
  take({ kind: 'watch', by: ann });
  return {
    told,
    take,
    /** Waits for what was asked for a while ago, and says how long that was: a look, and its answer, with those of extra ones under way. */
    async looks(): Promise<number> {
      const { delayMs, command } = later.shift() ?? assert.fail('nothing is asked for');
      take(command);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      const answers = later.splice(0);
      assert(answers.every(({ command: { kind } }) => kind === 'looked'));
      for (const answer of answers) take(answer.command);
      return delayMs;
    },
  };
}

const on = (...nodes: readonly string[]): Found => ({ userId: bob, online: nodes.length > 0, lastSeenMs: seenMs, nodes });

test('one answer that fails changes nothing, and the store is asked again soon', async () => {
  const { told, looks } = await rig([on('b'), undefined, on('b')]);
  assert.deepEqual([await looks(), await looks()], [5_000, 2_000]);
  assert.deepEqual(told, [[ann, true]]);
});

test('who has come meanwhile is seen at the next look, also where no node says so', async () => {
  const { told, looks } = await rig([on(), undefined, on('b')], { tellsPresence: false });
  assert.deepEqual([await looks(), await looks()], [5_000, 2_000]);
  assert.deepEqual(told, [
    [ann, false],
    [ann, true],
  ]);
});

test('a store that stays out of reach is grey, until it is back', async () => {
  const { told, looks } = await rig([on('b'), undefined, undefined, undefined, on('b')]);
  assert.deepEqual([await looks(), await looks(), await looks(), await looks()], [5_000, 2_000, 15_000, 15_000]);
  assert.deepEqual(told, [
    [ann, true],
    [ann, false],
    [ann, true],
  ]);
});

test('an extra look that fails at the same moment is not a second failure', async () => {
  const { told, looks, take } = await rig([on('b'), undefined, undefined, on('b')]);
  take({ kind: 'look', extra: true });
  assert.deepEqual([await looks(), await looks()], [5_000, 2_000]);
  assert.deepEqual(told, [[ann, true]]);
});

test('what a node says of itself meanwhile is told', async () => {
  const { told, looks, take } = await rig([on('b'), undefined]);
  await looks();
  take({ kind: 'seen', node: 'b', online: false, atMs: seenMs + 1 });
  assert.deepEqual(told, [
    [ann, true],
    [ann, false],
  ]);
});

test('a store that cannot be reached when somebody begins to watch is asked again soon', async () => {
  const { told, looks } = await rig([undefined, on('b')]);
  assert.equal(await looks(), 2_000);
  assert.deepEqual(told, [
    [ann, false],
    [ann, true],
  ]);
});
