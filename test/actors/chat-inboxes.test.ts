// Where inboxes lie beside the logs, what follows a batch is what is true at its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatActor } from '../../src/actors/chat.ts';
import { memoryStores } from '../../src/store/stores.memory.ts';
import { ann, bob, created, groupOf, maker, post } from '../core/builders.ts';

test('who came in by one entry of a batch has in their inbox what the others of it have added', async () => {
  const stores = memoryStores({ wantsEveryHead: true });
  const nothing = (): never => assert.fail('not in this test');
  const actor = chatActor({
    ...stores,
    router: new Proxy({}, { get: nothing }) as never,
    random: () => 0.5,
    counts: { appends: 0, entries: 0 },
    observeBatch: () => undefined,
    refused: nothing,
  });
  const { state: empty, context } = await actor.load(groupOf(ann));
  const made = actor.step(empty, created(ann, [bob]), 0);
  const written = actor.step(made.state, post(maker(ann), { number: 2, after: 1 }), 0);
  const durable = [...made.effects, ...written.effects].filter((effect) => actor.isDurable(effect));
  await actor.commit(durable, written.state, { id: groupOf(ann), uid: 1, context, after: () => undefined });
  for (const { userId } of [ann, bob])
    assert.deepEqual(
      (await stores.inbox.rows(userId)).map(({ head, confirmed }) => [head, confirmed]),
      [[2, true]],
    );
});
