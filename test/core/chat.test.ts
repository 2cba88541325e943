// The rules of one chat: one order for all, members only, what a post does and what it is refused for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { ann, annsTablet, bob, chat, chatOf, directOf, eve, groupOf, kim, mark, noon, only, post, pull, remove, seqOf, take, takeAt, whyRefused } from './builders.ts';

const tooBig = new Uint8Array(limits.bodyBytesMax + 1);
const fits = new Uint8Array(limits.bodyBytesMax);

test('each post takes the next seq, without a gap', () => {
  const { entries } = take(chatOf(ann, bob), post(ann, { number: 1 }), post(bob, { number: 1 }), post(ann, { number: 2, after: 1 }));
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    [2, 3, 4],
  );
});

test('sent and push leave after the append that they speak of', () => {
  const { effects } = take(chatOf(ann, bob), post(ann, { number: 1 }));
  assert.deepEqual(
    effects.map(({ kind }) => kind),
    ['append', 'push', 'sent'],
  );
});

test('a post is pushed to every member and to nobody else', () => {
  const { effects } = take(chatOf(ann, bob, eve), remove(ann, { number: 1 }, eve), post(bob, { number: 1 }));
  assert.deepEqual(
    only(effects, 'push').flatMap(({ to, also }) => [...to, ...also]),
    [ann.userId, bob.userId],
  );
});

test('the first post of a direct chat makes it, with both users in', () => {
  const { entries, effects, state } = take(directOf(ann, bob), post(ann, { number: 1, to: bob }));
  assert.deepEqual(
    entries.map(({ entryKind, number }) => [entryKind, number]),
    [
      [entryKinds.created, 0],
      [entryKinds.message, 1],
    ],
  );
  assert.deepEqual([...state.members.present].sort(), [ann.userId, bob.userId].sort());
  assert.equal(seqOf({ effects }), 2);
  assert.deepEqual(only(effects, 'follow')[0]?.announce, [ann.userId, bob.userId]);
});

test('when both write first at once, the second one writes into the chat that the first one made', () => {
  const { entries, effects } = take(directOf(ann, bob), post(ann, { number: 1, to: bob }), post(bob, { number: 1, to: ann }));
  assert.deepEqual(
    entries.map(({ entryKind }) => entryKind),
    [entryKinds.created, entryKinds.message, entryKinds.message],
  );
  assert.equal(seqOf({ effects }), 3);
});

test('a chat with oneself has one member', () => {
  const { state, effects } = take(directOf(ann, ann), post(ann, { number: 1, to: ann }), post(annsTablet, { number: 1 }));
  assert.deepEqual(state.members.present, [ann.userId]);
  assert.equal(seqOf({ effects }), 3);
});

test('nobody squats on a direct chat: its id must be the one of the sender and the named peer', () => {
  const theirs = chat(directChatId(ann.userId, bob.userId));
  const taken = take(theirs, post(eve, { number: 1, to: bob }));
  assert.equal(whyRefused(taken), 'wrongPeer');
  assert.equal(taken.state.seq, 0);
});

test('a direct chat that does not exist needs its peer named', () => {
  assert.equal(whyRefused(take(directOf(ann, bob), post(ann, { number: 1 }))), 'noSuchChat');
});

test('a wrong peer is refused in a chat that exists, too', () => {
  assert.equal(whyRefused(take(directOf(ann, bob), post(ann, { number: 1, to: bob }), post(ann, { number: 2, after: 1, to: eve }))), 'wrongPeer');
});

test('a group that nobody made does not exist', () => {
  assert.equal(whyRefused(take(chat(groupOf(ann)), post(ann, { number: 1 }))), 'noSuchChat');
});

test('to a stranger a chat that exists and one that does not look the same', () => {
  const group = [chatOf(ann, bob), chat(groupOf(ann))];
  const direct = [take(directOf(ann, bob), post(ann, { number: 1, to: bob })).state, directOf(ann, bob)];
  for (const [there, missing] of [group, direct]) {
    for (const command of [
      post(eve, { number: 1 }),
      post(eve, { number: 1, to: ann }),
      post(eve, { number: 1, to: kim }),
      post(eve, { number: 1, to: kim, body: tooBig }),
      post(eve, { number: 2, after: 1 }),
      pull(eve),
      { kind: 'history', from: eve, request: 7, before: 0, limit: 10 },
      { kind: 'getMembers', from: eve, request: 7 },
      { kind: 'mark', from: eve, delivered: 9, read: 9 },
      { kind: 'typing', from: eve, on: true },
      { kind: 'change', from: eve, number: 1, after: 0, change: { kind: 'left' } },
      { kind: 'change', from: eve, number: 1, after: 0, change: { kind: 'added', userIds: [kim.userId] } },
      { kind: 'confirm', userId: eve.userId },
    ] as const) {
      assert.ok(there !== undefined && missing !== undefined);
      assert.deepEqual(take(there, command).effects, take(missing, command).effects, `${command.kind} tells them apart`);
    }
  }
});

test('whoever was removed may no longer post, and is told so', () => {
  const { state } = take(chatOf(ann, bob), remove(ann, { number: 1 }, bob));
  assert.equal(whyRefused(take(state, post(bob, { number: 1 }))), 'notAMember');
});

test('a message that was stored before its author was removed is never reported as refused', () => {
  const { effects } = take(chatOf(ann, bob), post(bob, { number: 1 }), remove(ann, { number: 1 }, bob), post(bob, { number: 1 }));
  assert.equal(seqOf({ effects }), 2);
});

test('a body over the limit is refused, one at the limit is taken', () => {
  assert.equal(whyRefused(take(chatOf(ann, bob), post(ann, { number: 1, body: tooBig }))), 'bodyTooBig');
  assert.equal(whyRefused(take(directOf(ann, bob), post(ann, { number: 1, body: tooBig, to: bob }))), 'bodyTooBig');
  assert.equal(seqOf(take(chatOf(ann, bob), post(ann, { number: 1, body: fits }))), 2);
});

test('a refused post leaves the state as it was: its number is still free', () => {
  const start = chatOf(ann, bob);
  const refused = take(start, post(ann, { number: 1, body: tooBig }));
  assert.equal(refused.state, start);
  assert.equal(seqOf(take(refused.state, post(ann, { number: 1 }))), 2);
});

test('the time of a chat never falls, whatever the clock of the machine does', () => {
  const later = takeAt(noon + 5_000, chatOf(ann, bob), post(ann, { number: 1 }));
  const { entries } = takeAt(noon - 60_000, later.state, post(ann, { number: 2, after: 1 }));
  assert.equal(entries[0]?.atMs, noon + 5_000);
});

test('who types is told to the members, and to nobody by a stranger', () => {
  const typing = only(take(chatOf(ann, bob), { kind: 'typing', from: ann, on: true }).effects, 'typing');
  assert.deepEqual(
    typing.map(({ to }) => to),
    [[ann.userId, bob.userId]],
  );
  assert.deepEqual(take(chatOf(ann, bob), { kind: 'typing', from: eve, on: true }).effects, []);
});

test('a member is told who is in, since when and how far each has got', () => {
  const { effects } = take(chatOf(ann, bob), post(ann, { number: 1 }), mark(bob, { delivered: 2 }), { kind: 'getMembers', from: ann, request: 7 });
  const frame = only(effects, 'tell')[0]?.frame;
  assert.deepEqual(frame?.members, [
    { userId: ann.userId, role: 'owner', joinedSeq: 1, delivered: 1, read: 1 },
    { userId: bob.userId, role: 'member', joinedSeq: 1, delivered: 2, read: 1 },
  ]);
  assert.deepEqual([frame?.request, frame?.seq, frame?.title, frame?.receiptsVersion], [7, 2, 'the group', 5]);
});

test('whoever left is not told who is in', () => {
  const { state } = take(chatOf(ann, bob), remove(ann, { number: 1 }, bob));
  assert.equal(whyRefused(take(state, { kind: 'getMembers', from: bob, request: 7 })), 'notAMember');
});

test('an announced membership is confirmed by the log alone', () => {
  const state = chatOf(ann, bob);
  const line = { userId: bob.userId, chatId: state.chatId, head: 1, member: true, large: false };
  const { effects } = take(state, { kind: 'confirm', userId: bob.userId });
  assert.deepEqual(effects, [{ kind: 'check' }, { kind: 'follow', announce: [], lines: [line] }, { kind: 'remind', userId: bob.userId, state }]);
  assert.deepEqual(take(state, { kind: 'confirm', userId: eve.userId }).effects, []);
});

test('a reader learns the effect of its command by its kind: an unknown one is a bug', () => {
  assert.throws(() => take(chatOf(ann, bob), { kind: 'dance' } as never), /unreachable/);
});
