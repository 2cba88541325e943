// What the embedded store remembers of inboxes is what its database tells, or will once all is written.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { type InboxList, InboxLists } from '../../src/store/inbox-lists.level.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { held } from './held.ts';
import { newDirectory, openLevel } from './level.ts';
import { ann, appendOf, bob, chatOf, room, userOf } from './samples.ts';

const listOf = (...chatIds: ChatId[]): InboxList => ({ chatIds, flags: chatIds.map(() => 3), heads: chatIds.map(() => 1) });

/** Lists, and how often each user's was read. */
function rig(max?: number) {
  const lists = new InboxLists(max);
  const reads: string[] = [];
  const of = (userId = ann, read: () => InboxList | Promise<InboxList> = () => listOf(room)) =>
    lists.of(userId, async () => {
      reads.push(userId);
      return read();
    });
  return { lists, reads, of };
}

test('a list is read once; what is written from then on stands in it at once', async () => {
  const { lists, reads, of } = rig();
  await of();
  lists.wrote(ann, chatOf(2), 1, 5, Promise.resolve());
  lists.wrote(ann, room, 2, 9, Promise.resolve());
  lists.wrote(bob, room, 2, 9, Promise.resolve());
  assert.deepEqual(await of(), { chatIds: [room, chatOf(2)], flags: [2, 1], heads: [9, 5] });
  assert.deepEqual(reads, [ann]);
});

test('what is being written while a list is read stands in it, whether the database told it or not; it is read once for all who ask', async () => {
  const { lists, reads, of } = rig();
  const written = held<void>();
  lists.wrote(ann, chatOf(2), 1, 1, written.promise);
  const read = held<InboxList>();
  const asked = [of(ann, () => read.promise), of(ann)];
  lists.wrote(ann, room, 2, 7, new Promise(() => undefined));
  lists.wrote(ann, chatOf(3), 3, 1, Promise.resolve());
  read.resolve(listOf(room, chatOf(3)));
  const whole = { chatIds: [room, chatOf(3), chatOf(2)], flags: [2, 3, 1], heads: [7, 1, 1] };
  assert.deepEqual(await Promise.all(asked), [whole, whole]);
  assert.deepEqual(await of(), whole);
  assert.deepEqual(reads, [ann]);
});

test('after a failure nothing is held, nor what was being read meanwhile; what is still being written stands in what is read next', async () => {
  const { lists, reads, of } = rig();
  await of();
  const read = held<InboxList>();
  const underWay = of(bob, () => read.promise);
  lists.wrote(ann, chatOf(2), 1, 1, new Promise(() => undefined));
  lists.forget();
  read.resolve(listOf());
  await underWay;
  assert.deepEqual((await of()).chatIds, [room, chatOf(2)]);
  await of(bob);
  assert.deepEqual(reads, [ann, bob, ann, bob]);
});

test('a row whose write fails is in no list from then on', async () => {
  const { lists, reads, of } = rig();
  await of();
  const [failing, other] = [held<void>(), held<InboxList>()];
  lists.wrote(ann, chatOf(2), 1, 1, failing.promise);
  lists.wrote(bob, chatOf(2), 1, 1, failing.promise);
  const underWay = of(bob, () => other.promise);
  failing.reject(new Error('as planned'));
  await assert.rejects(failing.promise);
  other.resolve(listOf(room));
  await underWay;
  assert.deepEqual([(await of()).chatIds, (await of(bob)).chatIds], [[room], [room]]);
  assert.deepEqual(reads, [ann, bob, ann, bob]);
});

test('a list that cannot be read is asked for again', async () => {
  const { reads, of } = rig();
  await assert.rejects(
    of(ann, () => Promise.reject(new Error('as planned'))),
    /as planned/,
  );
  await of();
  assert.deepEqual(reads, [ann, ann]);
});

test('beyond so many rows the user who was asked for longest ago is forgotten', async () => {
  const { lists, reads, of } = rig(9); // three users with a chat each
  for (const n of [1, 2, 3, 1, 4, 1, 2]) await of(userOf(n));
  assert.deepEqual(reads, [1, 2, 3, 4, 2].map(userOf));
  for (let n = 10; n < 14; n += 1) lists.wrote(userOf(2), chatOf(n), 3, 1, Promise.resolve());
  reads.length = 0;
  await of(userOf(1));
  assert.deepEqual(reads, [userOf(1)], 'the rows of another have taken its place');
});

test('the embedded store tells the same from memory as after it has been opened again', async (t) => {
  const directory = await newDirectory();
  t.after(() => rm(directory, { recursive: true }));
  const stores = await openLevel(directory);
  const { inbox, messages } = stores;
  const line = (chatId: ChatId, head: number, member = true) => ({ userId: ann, chatId, head, member, large: false });
  assert.deepEqual(await inbox.rows(ann), []);
  for (const n of [1, 2, 3]) {
    await messages.append(appendOf(chatOf(n), { tip: 1 }));
    if (n === 2) await inbox.announce(chatOf(n), [ann]);
    else await inbox.raise([line(chatOf(n), 1)]);
  }
  await messages.append(appendOf(chatOf(3), { lastSeq: 1, builtOn: 1, tip: 2 }));
  await inbox.raise([line(chatOf(3), 2, false)]);
  await messages.append(appendOf(chatOf(3), { lastSeq: 2, builtOn: 2, tip: 3 }));
  const held = await inbox.rows(ann);
  assert.deepEqual(
    held.map(({ head, confirmed, member }) => [head, confirmed, member]),
    [
      [1, true, true],
      [1, false, false],
      [2, true, false],
    ],
  );
  await stores.close();
  const again = await openLevel(directory);
  t.after(() => again.close());
  const byId = (rows: typeof held) => rows.toSorted((one, other) => (one.chatId < other.chatId ? -1 : 1));
  assert.deepEqual(byId(await again.inbox.rows(ann)), byId(held));
});

test('what is known of a chat is told as it is, and only the others are looked up', async (t) => {
  const directory = await newDirectory();
  const stores = await openLevel(directory);
  t.after(async () => {
    await stores.close();
    await rm(directory, { recursive: true });
  });
  for (const n of [1, 2]) {
    await stores.messages.append(appendOf(chatOf(n), { tip: 1 }));
    await stores.inbox.raise([{ userId: ann, chatId: chatOf(n), head: 1, member: true, large: false }]);
  }
  await stores.receipts.raise(chatOf(2), [{ userId: ann, delivered: 1, read: 1 }], 2);
  const rows = await stores.inbox.rows(ann, (chatId) => (chatId === chatOf(1) ? { lastSeq: 7, receiptsVersion: 5, read: 4 } : undefined));
  assert.deepEqual(
    new Map(rows.map(({ chatId, head, receiptsVersion, read }) => [chatId, [head, receiptsVersion, read]])),
    new Map([
      [chatOf(1), [7, 5, 4]],
      [chatOf(2), [1, 2, 1]],
    ]),
  );
});
