// What a member may read of the log, and up to where an answer is complete.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/protocol/limits.ts';
import { add, ann, bob, chat, chatOf, eve, groupOf, history, only, post, pull, remove, take, whyRefused } from './builders.ts';

const written = take(chatOf(ann, bob), post(ann, { number: 1 }), post(ann, { number: 2, after: 1 }), post(ann, { number: 3, after: 2 })).state;

function readBy(state: typeof written, command: ReturnType<typeof pull>) {
  const [effect] = only(take(state, command).effects, 'readLog');
  assert.ok(effect !== undefined);
  return effect;
}

test('a pull reads forward from its cursor to the head', () => {
  const { after, before, from, head } = readBy(written, pull(bob, { after: 2 }));
  assert.deepEqual({ after, before, from, head }, { after: 2, before: 5, from: 'first', head: 4 });
});

test('asked for more than it knows of, the chat looks whether its tip still is the store’s before it answers', () => {
  assert.deepEqual(
    take(written, pull(bob, { after: 2, upTo: 9 })).effects.map(({ kind }) => kind),
    ['check', 'readLog'],
  );
  assert.deepEqual(
    take(written, pull(bob, { after: 2, upTo: 4 })).effects.map(({ kind }) => kind),
    ['readLog'],
  );
});

test('history reads backward from a seq, or from the end', () => {
  assert.deepEqual([readBy(written, history(bob, { before: 3 })).before, readBy(written, history(bob, { before: 3 })).from], [3, 'last']);
  assert.equal(readBy(written, history(bob)).before, 5);
  assert.equal(readBy(written, history(bob, { before: 999 })).before, 5);
});

test('a cursor beyond the head asks for nothing, however far beyond', () => {
  for (const after of [5, 99, Number.MAX_SAFE_INTEGER]) {
    const read = readBy(written, pull(bob, { after }));
    assert.deepEqual([read.after, read.before, read.head], [4, 5, 4]);
  }
});

test('the limit is clamped from both sides', () => {
  assert.equal(readBy(written, pull(bob, { limit: 0 })).limit, 1);
  assert.equal(readBy(written, pull(bob, { limit: 1_000_000 })).limit, limits.pullEntriesMax);
});

test('a newcomer reads from the entry that let them in', () => {
  const { state } = take(written, add(ann, { number: 4, after: 3 }, eve), post(ann, { number: 5, after: 4 }));
  assert.deepEqual(readBy(state, pull(eve)).stays, [{ joined: 5, left: 0 }]);
});

test('whoever was removed still reads what they had, and history ends there', () => {
  const { state } = take(written, remove(ann, { number: 4, after: 3 }, bob), post(ann, { number: 5, after: 4 }));
  assert.deepEqual([readBy(state, pull(bob)).head, readBy(state, history(bob)).before, readBy(state, history(bob, { before: 6 })).before], [5, 6, 6]);
});

test('to a stranger there is no such chat', () => {
  for (const command of [pull(eve), history(eve)]) {
    assert.equal(whyRefused(take(written, command)), 'noSuchChat');
    assert.equal(whyRefused(take(chat(groupOf(ann)), command)), 'noSuchChat');
  }
});

test("a node's audience is given everything after what it has", () => {
  const [read] = only(take(written, { kind: 'repair', node: 'there', after: 2, upTo: 0 }).effects, 'readLog');
  assert.deepEqual([read?.to, read?.after, read?.head, read?.stays], [{ node: 'there' }, 2, 4, undefined]);
});

test('one that has heard of more makes the chat look first', () => {
  assert.deepEqual(
    take(written, { kind: 'repair', node: 'there', after: 2, upTo: 5 }).effects.map(({ kind }) => kind),
    ['check', 'readLog'],
  );
});
