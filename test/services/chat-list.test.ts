// The list of chats: complete also while somebody writes.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import type { ChatRow } from '../../src/protocol/sync.ts';
import { chatListService } from '../../src/services/chat-list.ts';
import { memoryStores } from '../../src/store/stores.memory.ts';
import type { Stores } from '../../src/store/stores.ts';
import type { Clock } from '../../src/structures/clock.ts';
import { newDirectory, openLevel, systemClock } from '../store/level.ts';
import { ann, appendOf, bob, chatOf, entryOf, room } from '../store/samples.ts';

const seen = ({ chatId, title, head, unread, last }: ChatRow) => ({ chatId, title, head, unread, last: last && new TextDecoder().decode(last.body) });

async function rowsOf({ inbox, messages }: Pick<Stores, 'inbox' | 'messages'>): Promise<readonly ChatRow[]> {
  return (await chatListService({ inbox, messages }).list(ann, { kind: 'listChats', request: 1, before: null, limit: 10 })).rows;
}

/** A group of Ann and Bob, and a first message. */
async function withRoom({ messages, inbox }: Stores): Promise<void> {
  const body = encodeMembersBody({
    title: 'Tea',
    members: [
      [ann, 'owner'],
      [bob, 'member'],
    ],
  });
  const made = { ...entryOf(room, 1, body), entryKind: 2, contentType: membersContentType, countable: 0 };
  await inbox.announce(room, [ann, bob]);
  await messages.append({ chatId: room, entries: [made, { ...entryOf(room, 2, 'hello'), countable: 1 }], builtOn: 0, tip: 1, fold: undefined });
  await inbox.raise([ann, bob].map((userId) => ({ userId, chatId: room, head: 2, member: true, large: false })));
}

/** A clock whose jobs wait while it is held. */
function heldClock(): Clock & { hold(): void; release(): void } {
  let waiting: (() => void)[] | undefined;
  const when = (job: () => void) => () => (waiting === undefined ? job() : void waiting.push(job));
  return {
    nowMs: systemClock.nowMs,
    after: (delayMs, job) => systemClock.after(delayMs, when(job)),
    soon: (job) => systemClock.soon(when(job)),
    hold: () => void (waiting = []),
    release() {
      const jobs = waiting ?? [];
      waiting = undefined;
      for (const job of jobs) job();
    },
  };
}

test('a chat that somebody is just writing to is listed with what stands, and with the new message once that is durable', async (t) => {
  const directory = await newDirectory();
  const clock = heldClock();
  const stores = await openLevel(directory, { clock });
  t.after(async () => {
    clock.release();
    await stores.close();
    await rm(directory, { recursive: true });
  });
  await withRoom(stores);
  clock.hold();
  const writing = stores.messages.append(appendOf(room, { lastSeq: 2, builtOn: 1, tip: 2, body: 'meanwhile' }));
  assert.deepEqual((await rowsOf(stores)).map(seen), [{ chatId: room, title: 'Tea', head: 2, unread: 1, last: 'hello' }]);
  clock.release();
  await writing;
  assert.deepEqual((await rowsOf(stores)).map(seen), [{ chatId: room, title: 'Tea', head: 3, unread: 3, last: 'meanwhile' }]);
});

test('a row that is ahead of its log, as an append that never came to be leaves it, shows what stands', async () => {
  const stores = memoryStores();
  await withRoom(stores);
  const rows: Stores['inbox']['rows'] = async (userId) => (await stores.inbox.rows(userId)).map((row) => ({ ...row, head: row.head + 3 }));
  assert.deepEqual((await rowsOf({ messages: stores.messages, inbox: { ...stores.inbox, rows } })).map(seen), [{ chatId: room, title: 'Tea', head: 2, unread: 1, last: 'hello' }]);
});

test('a chat of which nothing can be read yet is not listed', async () => {
  const stores = memoryStores();
  await withRoom(stores);
  const rows: Stores['inbox']['rows'] = async (userId) => (await stores.inbox.rows(userId)).flatMap((row) => [row, { ...row, chatId: chatOf(9) }]);
  assert.deepEqual(
    (await rowsOf({ messages: stores.messages, inbox: { ...stores.inbox, rows } })).map(({ chatId }) => chatId),
    [room],
  );
});

test('who reads on while the list is made has nothing unread, and not less than that', async () => {
  const { inbox, messages } = memoryStores();
  await withRoom({ inbox, messages } as Stores);
  await messages.append({ chatId: room, entries: [{ ...entryOf(room, 3, 'more'), countable: 2 }], builtOn: 1, tip: 2, fold: undefined });
  const behind: Stores['inbox'] = { ...inbox, rows: async (userId) => (await inbox.rows(userId)).map((row) => ({ ...row, head: 2, read: 3 })) };
  const [row] = await rowsOf({ inbox: behind, messages });
  assert.deepEqual([row?.head, row?.read, row?.unread], [2, 3, 0]);
});
