// Where inboxes hold the heads, every append of a small chat raises them for all members, after it and before it counts as committed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallMembersMax } from '../../src/core/groups.ts';
import { Superseded } from '../../src/store/faults.ts';
import { type MemoryFaults, memoryStores } from '../../src/store/stores.memory.ts';
import { ann, bob, room, userOf } from '../store/samples.ts';
import { add, awakeChat, create, post } from './awake-chat.ts';

async function awake(faults: MemoryFaults = {}) {
  const stores = memoryStores({ wantsEveryHead: true, faults });
  return { stores, run: (await awakeChat(stores)).run };
}

test('every member of a small chat has the head of each append', async () => {
  const { stores, run } = await awake();
  await run(create([bob]));
  await run(post(2_048, 1_024));
  await run(post(3_072, 2_048));
  for (const userId of [ann, bob]) {
    const [row] = await stores.inbox.rows(userId);
    assert.deepEqual([row?.head, row?.member, row?.confirmed], [3, true, true]);
  }
});

test('an append whose heads cannot be raised is not committed, though its entry stands', async () => {
  let fails = false;
  const { stores, run } = await awake({ beforeWrite: (operation) => (fails && operation === 'inbox.raise' ? 'unavailable' : 'ok') });
  await run(create([bob]));
  fails = true;
  await assert.rejects(run(post(2_048, 1_024)), Superseded);
  assert.equal((await stores.messages.open(room)).lastSeq, 2);
});

test('of a large chat nobody raises heads: its members know that the log is to be asked, or are in doubt', async () => {
  const raises: string[] = [];
  const { stores, run } = await awake({ beforeWrite: (operation) => (raises.push(operation) > 0 ? 'ok' : 'full') });
  await run(create(Array.from({ length: smallMembersMax }, (_, at) => userOf(100 + at))));
  assert.deepEqual([(await stores.inbox.rows(userOf(100)))[0]?.large, (await stores.inbox.rows(ann))[0]?.large], [true, true]);
  raises.length = 0;
  await run(post(2_048, 1_024));
  assert.deepEqual(raises, []);
  assert.ok(((await stores.inbox.rows(ann))[0]?.head ?? 0) >= 3);
});

test('all members of a chat that grows are in doubt until it is told', async () => {
  let fails = false;
  const { stores, run } = await awake({ beforeWrite: (operation) => (fails && operation === 'inbox.raise' ? 'unavailable' : 'ok') });
  await run(create(Array.from({ length: smallMembersMax - 1 }, (_, at) => userOf(100 + at))));
  fails = true;
  await assert.rejects(run(add(2_048, 1_024, [bob])), Superseded);
  for (const userId of [ann, bob, userOf(100)]) assert.equal((await stores.inbox.rows(userId))[0]?.confirmed, false);
});
