// Actors that take a command within `tell`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorDefinition, Step } from '../../../src/actors/runtime/actor.ts';
import type { KernelEvent } from '../../../src/actors/runtime/events.ts';
import { createKernel, type Kernel } from '../../../src/actors/runtime/kernel.ts';
import { FakeClock } from '../../sim/clock.ts';

type Command = { readonly does: 'note' | 'throw' | 'fall' | 'end' | 'tellOther' | 'tellSelf'; readonly name: string };
interface Stood {
  readonly kernel: Kernel;
  readonly clock: FakeClock;
  readonly noted: string[];
  readonly back: string[];
  readonly events: KernelEvent[];
}

/** Two kinds of one actor: `swift` takes commands at once. It notes what it does, with how many commands its state has seen. */
function stand(turnBudget = 512): Stood {
  const clock = new FakeClock();
  const stood = { clock, noted: [] as string[], back: [] as string[], events: [] as KernelEvent[] };
  const kernel = createKernel({ clock, random: () => 0.5, turnBudget, afterTurn: () => undefined, report: (event) => stood.events.push(event) });
  const definition = (kind: string): ActorDefinition<string, number, Command, Command & { readonly seen: number }, undefined> => ({
    kind,
    mailboxMax: 100,
    mailboxBytesMax: 10_000,
    batchMax: 10,
    batchBytesMax: 10_000,
    passivateAfterMs: 0,
    sizeOf: () => 1,
    load: () => ({ state: 0, context: undefined }),
    step(seen, command): Step<number, Command & { readonly seen: number }> {
      if (command.does === 'throw') throw new Error('step');
      return { state: command.does === 'end' ? -1 : seen + 1, effects: [{ ...command, seen }] };
    },
    isDurable: () => false,
    commit: () => undefined,
    perform({ does, name, seen }, { id }) {
      if (does === 'fall') throw new Error('perform');
      if (does === 'tellOther') kernel.tell('swift', 'other', { does: 'note', name: `${name} to other` });
      if (does === 'tellSelf') kernel.tell('swift', id, { does: 'note', name: `${name} to self` });
      stood.noted.push(`${name} ${seen}`);
    },
    giveBack: ({ name }, why) => void stood.back.push(`${name} ${why}`),
    readsOnly: () => false,
    isOver: (seen) => seen < 0,
  });
  kernel.host({ ...definition('swift'), atOnce: true });
  kernel.host(definition('plain'));
  return { kernel, ...stood };
}

/** Both are awake and idle. */
async function awake(turnBudget?: number): Promise<Stood> {
  const stood = stand(turnBudget);
  for (const id of ['one', 'other']) stood.kernel.tell('swift', id, { does: 'note', name: 'wake' });
  await stood.clock.settle();
  stood.noted.length = 0;
  return stood;
}

test('one that is idle has done the command when tell returns; one that must wake does it in a turn', async () => {
  const { kernel, noted, clock } = stand();
  kernel.tell('swift', 'one', { does: 'note', name: 'a' });
  assert.deepEqual(noted, []);
  await clock.settle();
  kernel.tell('swift', 'one', { does: 'note', name: 'b' });
  assert.equal(kernel.tellIfAwake('swift', 'one', { does: 'note', name: 'c' }), true);
  assert.deepEqual(noted, ['a 0', 'b 1', 'c 2']);
});

test('what it tells itself comes by the mailbox, and what others tell it meanwhile comes behind that', async () => {
  const { kernel, noted, clock } = await awake();
  kernel.tell('swift', 'one', { does: 'tellSelf', name: 'a' });
  kernel.tell('swift', 'one', { does: 'note', name: 'b' });
  assert.deepEqual(noted, ['a 1']);
  await clock.settle();
  assert.deepEqual(noted, ['a 1', 'a to self 2', 'b 3']);
});

test('one that is told something by another such does it in a turn: the stack does not grow with a chain of them', async () => {
  const { kernel, noted, clock } = await awake();
  kernel.tell('swift', 'one', { does: 'tellOther', name: 'a' });
  assert.deepEqual(noted, ['a 1']);
  await clock.settle();
  kernel.tell('plain', 'one', { does: 'tellOther', name: 'b' }); // by an actor in its turn: at once
  await clock.settle();
  assert.deepEqual(noted, ['a 1', 'a to other 1', 'b to other 2', 'b 0']);
});

test('between two turns no more is done at once than a turn does', async () => {
  const { kernel, noted, clock } = await awake(4);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) kernel.tell('swift', 'one', { does: 'note', name });
  assert.equal(noted.length, 4);
  await clock.settle();
  assert.deepEqual(noted, ['a 1', 'b 2', 'c 3', 'd 4', 'e 5', 'f 6']);
  kernel.tell('swift', 'one', { does: 'note', name: 'g' });
  assert.equal(noted.at(-1), 'g 7');
});

test('a step or an effect that throws costs one restart, and whoever tells does not hear of it', async () => {
  const { kernel, noted, back, events, clock } = await awake();
  kernel.tell('swift', 'one', { does: 'throw', name: 'a' });
  kernel.tell('swift', 'one', { does: 'note', name: 'b' });
  kernel.tell('swift', 'other', { does: 'fall', name: 'c' });
  await clock.advance(1_000);
  assert.deepEqual(back, ['a internal']);
  assert.deepEqual(noted, ['b 0']);
  const crashes = events.flatMap((event) => (event.kind === 'crashed' ? [[event.id, event.where]] : []));
  assert.deepEqual(crashes, [
    ['one', 'step'],
    ['other', 'perform'],
  ]);
});

test('one that is over is put away, and wakes anew with the next command', async () => {
  const { kernel, noted, clock } = await awake();
  kernel.tell('swift', 'one', { does: 'end', name: 'a' });
  assert.equal(kernel.isAwake('swift', 'one'), false);
  kernel.tell('swift', 'one', { does: 'note', name: 'b' });
  await clock.settle();
  assert.deepEqual(noted, ['a 1', 'b 0']);
});
