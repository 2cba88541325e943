// Making a group, changing who is in it, and growing from a small chat to a large one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallMembersMax } from '../../src/core/groups.ts';
import { limits } from '../../src/protocol/limits.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { add, ann, bob, chat, chatOf, created, directOf, eve, groupOf, maker, only, person, post, remove, seqOf, setRole, take, whyRefused } from './builders.ts';

const people = (count: number, from = 100) => Array.from({ length: count }, (_, n) => person(from + n));

test('whoever makes a group owns it', () => {
  const { entries, effects, state } = take(chat(groupOf(ann)), created(ann, [bob, eve]));
  assert.deepEqual(
    entries.map(({ entryKind, seq }) => [entryKind, seq]),
    [[entryKinds.created, 1]],
  );
  assert.deepEqual([state.title, state.members.present], ['the group', [ann.userId, bob.userId, eve.userId]]);
  assert.deepEqual(
    state.members.present.map((userId) => state.members.byUser.get(userId)?.role),
    ['owner', 'member', 'member'],
  );
  assert.equal(seqOf({ effects }), 1);
});

test('making the same group again finds the one that the first time made', () => {
  const first = take(chat(groupOf(ann)), created(ann, [bob]));
  const again = take(first.state, created(ann, [bob]));
  assert.equal(again.state, first.state);
  assert.equal(seqOf(again), 1);
});

test('nothing else is made in the place of a group that exists', () => {
  assert.equal(whyRefused(take(chatOf(ann, bob), { ...created(ann, [eve]), number: 2 } as ReturnType<typeof created>)), 'invalid');
});

test('its maker and people named twice are in once', () => {
  assert.deepEqual(chatOf(ann, bob, ann, bob).members.present, [ann.userId, bob.userId]);
});

test('its makers device goes on numbering in the new chat', () => {
  const { effects } = take(chatOf(ann, bob), post(maker(ann), { number: 2, after: 1 }));
  assert.equal(seqOf({ effects }), 2);
});

test('inboxes are announced before the entry that lets in, and raised for all whom it concerns', () => {
  const { effects } = take(chatOf(ann, bob), add(ann, { number: 1 }, eve));
  assert.deepEqual(
    effects.map(({ kind }) => kind),
    ['append', 'raise', 'follow', 'push', 'sent'],
  );
  const [follow] = only(effects, 'follow');
  assert.deepEqual(follow?.announce, [eve.userId]);
  assert.deepEqual(
    follow?.lines.map(({ userId, head, member }) => [userId, head, member]),
    [[eve.userId, 2, true]],
  );
});

test('the inbox of whoever is removed ends at the removal', () => {
  const [follow] = only(take(chatOf(ann, bob), remove(ann, { number: 1 }, bob)).effects, 'follow');
  assert.deepEqual(follow?.announce, [bob.userId]);
  assert.deepEqual(
    follow?.lines.map(({ userId, head, member }) => [userId, head, member]),
    [[bob.userId, 2, false]],
  );
});

test('a group at the limit is full', () => {
  const many = people(limits.groupMembersMax - 1);
  const full = chatOf(ann, ...many);
  assert.equal(full.members.present.length, limits.groupMembersMax);
  assert.equal(whyRefused(take(full, add(ann, { number: 1 }, bob))), 'groupFull');
  assert.equal(whyRefused(take(chat(groupOf(ann)), created(ann, [...many, bob]))), 'groupFull');
});

test('nobody is added to or removed from a direct chat', () => {
  const { state } = take(directOf(ann, bob), post(ann, { number: 1, to: bob }));
  for (const command of [add(ann, { number: 2, after: 1 }, eve), remove(ann, { number: 2, after: 1 }, bob), setRole(ann, { number: 2, after: 1 }, bob, 'admin')]) {
    assert.equal(whyRefused(take(state, command)), 'forbidden');
  }
});

test('a chat grows large once, by an entry that stands before the members who make it large', () => {
  const start = chatOf(ann, ...people(smallMembersMax - 1));
  assert.equal(start.grownAtMs, 0);
  const grown = take(start, add(ann, { number: 1 }, bob));
  assert.deepEqual(
    grown.entries.map(({ entryKind, number }) => [entryKind, number]),
    [
      [entryKinds.grown, 0],
      [entryKinds.added, 1],
    ],
  );
  assert.equal(seqOf(grown), 3);
  const shrunk = take(grown.state, remove(ann, { number: 2, after: 1 }, bob), remove(ann, { number: 3, after: 2 }, person(100)));
  assert.equal(shrunk.state.grownAtMs, grown.state.grownAtMs);
  const again = take(shrunk.state, add(ann, { number: 4, after: 3 }, bob, person(100)));
  assert.deepEqual(
    again.entries.map(({ entryKind }) => entryKind),
    [entryKinds.added],
  );
});

test('before it grows, the inboxes of all members say so', () => {
  const [follow] = only(take(chatOf(ann, ...people(smallMembersMax - 1)), add(ann, { number: 1 }, bob)).effects, 'follow');
  assert.equal(follow?.lines.length, smallMembersMax + 1);
  assert.ok(follow?.lines.every(({ large, member }) => large && member));
});

test('a group that is made large says so right after it was made', () => {
  const { entries } = take(chat(groupOf(ann)), created(ann, people(smallMembersMax)));
  assert.deepEqual(
    entries.map(({ entryKind, number }) => [entryKind, number]),
    [
      [entryKinds.created, 1],
      [entryKinds.grown, 0],
    ],
  );
});

test('nobody types in a large chat', () => {
  assert.deepEqual(take(chatOf(ann, ...people(smallMembersMax)), { kind: 'typing', from: ann, on: true }).effects, []);
});

test("a node's audience learns who of its users is a member, and as of which entry", () => {
  const { effects } = take(chatOf(ann, bob), { kind: 'enroll', node: 'there', userIds: [bob.userId, eve.userId], upTo: 0 });
  assert.deepEqual(effects, [{ kind: 'enrolled', node: 'there', seq: 1, asked: [bob.userId, eve.userId], userIds: [bob.userId] }]);
});

test('an audience that has heard of more than the chat knows makes it look whether its tip still is the store’s', () => {
  const kinds = (upTo: number): readonly string[] => take(chatOf(ann, bob), { kind: 'enroll', node: 'there', userIds: [bob.userId], upTo }).effects.map(({ kind }) => kind);
  assert.deepEqual([kinds(1), kinds(2)], [['enrolled'], ['check', 'enrolled']]);
});
