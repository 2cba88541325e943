// What is wrong with a log is found and named; a log that is whole has no problems.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import { type CheckNeeds, checkChat } from '../../src/services/chat-check.ts';
import { HottestChats } from '../../src/services/hottest-chats.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import { memoryStores } from '../../src/store/stores.memory.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, appendOf, bob, chatOf, entryOf, everything, room } from '../store/samples.ts';

const created: Entry = {
  ...entryOf(room, 1),
  entryKind: entryKinds.created,
  countable: 0,
  number: 0,
  contentType: membersContentType,
  body: encodeMembersBody({
    title: 'ours',
    members: [
      [ann, 'owner'],
      [bob, 'member'],
    ],
  }),
};
const log: readonly Entry[] = [created, ...Array.from({ length: 5 }, (_, at) => ({ ...entryOf(room, at + 2), countable: at + 1 }))];
const chain = {
  spans: [
    { first: 1, last: 1, id: 7 },
    { first: 2, last: 6, id: 8 },
  ],
  tip: 8,
  lastSeq: 6,
  owner: 'n1',
};

/** A chat of two, both of whose inboxes stand at its end, with whatever is to be wrong. */
function needs(entries: readonly Entry[] = log, more: Partial<CheckNeeds> & { readonly heads?: readonly [number, number] } = {}): CheckNeeds {
  const [hers, his] = more.heads ?? [6, 6];
  const row = { chatId: room, confirmed: true, member: true, large: false, receiptsVersion: 0, read: 0 };
  return {
    messages: {
      open: async () => ({ tip: 8, lastSeq: 6, fold: undefined }),
      read: async (_, { after, limit }) => entries.filter(({ seq }) => seq > after).slice(0, limit),
    },
    inbox: { rows: async (userId) => [{ ...row, head: userId === ann ? hers : his }] },
    chain: async () => chain,
    ...more,
  };
}

async function problemsOf(given: CheckNeeds): Promise<string> {
  return (await checkChat(room, given)).problems.join('; ');
}

test('a log that is whole: so many entries, appends and members, and nothing else to say', async () => {
  assert.deepEqual(await checkChat(room, needs()), { chatId: room, lastSeq: 6, members: 2, appends: 2, owner: 'n1', problems: [] });
});

test('a chat that does not exist has no problems', async () => {
  const { messages, inbox } = memoryStores();
  assert.deepEqual(await checkChat(chatOf(9), { messages, inbox }), { chatId: chatOf(9), lastSeq: 0, members: 0, appends: 0, owner: '', problems: [] });
});

test('a gap, an end that is missing, a count that jumps, a number that does not rise', async () => {
  const without = (seq: number): readonly Entry[] => log.filter((entry) => entry.seq !== seq);
  assert.match(await problemsOf(needs(without(3))), /entry 4 stands behind 2/);
  assert.match(await problemsOf(needs(without(6))), /entries after 5 up to 6 are missing/);
  assert.match(await problemsOf(needs(log.map((entry) => (entry.seq === 5 ? { ...entry, countable: 9 } : entry)))), /entry 5 counts 9 behind 3/);
  assert.match(await problemsOf(needs(log.map((entry) => (entry.seq === 5 ? { ...entry, number: 1_024 } : entry)))), /entry 5 has a number of \S+ that does not rise/);
});

test('an append in two places, a chain that does not end with the tip, or before the end', async () => {
  const twice = {
    ...chain,
    spans: [
      { first: 1, last: 2, id: 8 },
      { first: 3, last: 3, id: 7 },
      { first: 4, last: 6, id: 8 },
    ],
  };
  assert.match(await problemsOf(needs(log, { chain: async () => twice })), /append 8 stands in two places, the second from 4 to 6/);
  assert.match(await problemsOf(needs(log, { chain: async () => ({ ...chain, tip: 9 }) })), /the last append is 8, the tip 9/);
  assert.match(await problemsOf(needs(log, { chain: async () => ({ ...chain, lastSeq: 7 }) })), /the log ends with 6, its statics say 7/);
});

test('an inbox that is behind, or has no row', async () => {
  assert.match(await problemsOf(needs(log, { heads: [6, 4] })), new RegExp(`the inbox of ${bob} stands at 4, behind 6`));
  assert.match(await problemsOf(needs(log, { inbox: { rows: async () => [] } })), /the inbox of \S+, a member, has no row/);
});

test('the chats that are written to most are seen, for as long as they are', async () => {
  const clock = new FakeClock();
  const hottest = new HottestChats(clock);
  const { messages } = hottest.watching(memoryStores()) as { messages: MessageStore };
  await messages.append(appendOf(chatOf(1), { tip: 1 }));
  await messages.append(appendOf(chatOf(2), { tip: 1, count: 30 }));
  assert.deepEqual(hottest.top(1), [{ chatId: chatOf(2), entriesPerMinute: 30 }]);
  assert.equal((await messages.read(chatOf(2), everything)).length, 30, 'it is the same store');
  await clock.advance(60_000);
  assert.equal(hottest.top(5).length, 2, 'the minute before still counts');
  await clock.advance(130_000);
  assert.deepEqual(hottest.top(5), []);
});
