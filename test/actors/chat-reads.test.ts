// What a chat tells of entries that a former activation stored, perhaps without the rest that follows an append.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Owing, readLog } from '../../src/actors/chat-reads.ts';
import type { InboxChange } from '../../src/store/inbox.ts';
import { ann, bob, chatOf, only, post, pull, take } from '../core/builders.ts';

const { state } = take(chatOf(ann, bob), post(ann, { number: 1 }));
const [wish] = only(take(state, pull(bob)).effects, 'readLog');

function rig({ fails = false } = {}) {
  const done: string[] = [];
  const raised: InboxChange[] = [];
  const needs = {
    messages: { read: async () => [] },
    inbox: {
      raise: async (changes: readonly InboxChange[]) => {
        if (fails) throw new Error('out of reach');
        raised.push(...changes);
        done.push('raised');
      },
    },
    router: { answer: (_to: unknown, { kind }: { readonly kind: string }) => done.push(kind) },
  };
  return { done, raised, read: (owing: Owing) => readLog(wish as never, owing, needs as never) };
}

test('nobody is told of them before the inboxes of all members are raised, once', async () => {
  const { done, raised, read } = rig();
  const owing: Owing = { owed: state };
  await read(owing);
  await read(owing);
  assert.deepEqual(done, ['raised', 'entries', 'entries']);
  assert.deepEqual(
    raised.map(({ userId, head }) => [userId, head]),
    [
      [ann.userId, 2],
      [bob.userId, 2],
    ],
  );
});

test('while inboxes cannot be raised the pull is refused, and the next one tries again', async () => {
  const { done, read } = rig({ fails: true });
  const owing: Owing = { owed: state };
  await read(owing);
  assert.deepEqual([done, owing.owed], [['refused'], state]);
});
