// When the state of a chat is kept, and how much of its log a chat that wakes has to replay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStores } from '../../src/store/stores.memory.ts';
import { userOf } from '../store/samples.ts';
import { type AwakeChat, add, awakeChat, create, post } from './awake-chat.ts';

const users = (count: number) => Array.from({ length: count }, (_, at) => userOf(100 + at));

/** Stores that say what was kept of a chat's state, and what was read of its log. */
function watchedStores() {
  const stores = memoryStores();
  const seen = { folds: [] as number[], snapshots: [] as number[], read: 0 };
  const { append, read } = stores.messages;
  const { keepSnapshot } = stores.chats;
  const messages: typeof stores.messages = {
    ...stores.messages,
    append: (next) => {
      if (next.fold !== undefined) seen.folds.push(next.entries.at(-1)?.seq ?? 0);
      return append(next);
    },
    read: async (chatId, range) => {
      const entries = await read(chatId, range);
      seen.read += entries.length;
      return entries;
    },
  };
  const chats: typeof stores.chats = {
    ...stores.chats,
    keepSnapshot: (chatId, snapshot) => {
      seen.snapshots.push(snapshot.seq);
      return keepSnapshot(chatId, snapshot);
    },
  };
  return { stores: { ...stores, messages, chats }, seen };
}

async function postMany(chat: AwakeChat, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 1) await chat.run(post((at + 1) * 1_024, at * 1_024));
}

test('a small fold rides with every 32nd append', async () => {
  const { stores, seen } = watchedStores();
  const chat = await awakeChat(stores);
  await chat.run(create(users(2)));
  await postMany(chat, 1, 100);
  assert.deepEqual([seen.folds, seen.snapshots], [[32, 64, 96], []]);
});

test('a large one is made for every 512th and kept beside the log: making it for each append costs more than all the rest', async () => {
  const { stores, seen } = watchedStores();
  const chat = await awakeChat(stores);
  await chat.run(create(users(150))); // seq 1 and 2: it is large at once
  await postMany(chat, 1, 1_100);
  assert.deepEqual([seen.folds, seen.snapshots], [[], [32, 544, 1_056]]);
  seen.read = 0;
  const again = await awakeChat(stores);
  assert.deepEqual([again.loaded.seq, again.loaded.members.present.length, seen.read], [1_102, 151, 1_102 - 1_056]);
  await postMany(again, 1_101, 500);
  assert.deepEqual(seen.snapshots.slice(3), [1_568]);
});

test('a chat that has outgrown the folds of its log wakes from the snapshot beside it', async () => {
  const { stores, seen } = watchedStores();
  const chat = await awakeChat(stores);
  await chat.run(create(users(2)));
  await postMany(chat, 1, 40);
  await chat.run(add(100 * 1_024, 41 * 1_024, users(150)));
  await postMany(chat, 100, 1_000);
  assert.deepEqual(seen.folds, [32]);
  seen.read = 0;
  const again = await awakeChat(stores);
  assert.equal(again.loaded.members.present.length, 151);
  assert.ok(seen.read < 512, `${seen.read} entries were replayed`);
});
