// A large chat on a node: every socket of a member hears every entry once, in order; nobody else hears any.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AudienceCommand, type AudienceEffect, type AudienceState, type ChatPush, emptyAudience, step } from '../../src/core/audience.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import { ann, annsTablet, bob, eve, groupOf } from './builders.ts';

const chatId = groupOf(ann);

interface At {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** Each socket is numbered by who sits there. */
const sockets = new Map<At, number>([
  [ann, 1],
  [bob, 2],
  [eve, 3],
  [annsTablet, 4],
]);
const socketOf = (who: At): number => sockets.get(who) ?? assert.fail('no socket');

function join(who: At): AudienceCommand {
  return { kind: 'join', userId: who.userId, deviceId: who.deviceId, connection: socketOf(who) };
}

function leave(who: At): AudienceCommand {
  return { kind: 'leave', userId: who.userId, connection: socketOf(who) };
}

function enrolled(seq: number, ...whom: readonly At[]): AudienceCommand {
  const userIds = whom.map(({ userId }) => userId);
  return { kind: 'enrolled', seq, asked: userIds, userIds };
}

function chatPush(seq: number, { by = ann, went = [] }: { readonly by?: At; readonly went?: readonly At[] } = {}): ChatPush {
  const bytes = new Uint8Array([seq >> 8, seq & 255]);
  const push = { chatId, seq, entryKind: went.length > 0 ? entryKinds.removed : entryKinds.message, author: by.userId, origin: by.deviceId, large: true, member: true, bytes };
  return { push, went: went.map(({ userId }) => userId) };
}

function push(seq: number, more: { readonly by?: At; readonly went?: readonly At[] } = {}): AudienceCommand {
  return { kind: 'push', chatPush: chatPush(seq, more) };
}

function repaired(from: number, to: number): AudienceCommand {
  return { kind: 'repaired', pushes: Array.from({ length: to - from + 1 }, (_, at) => chatPush(from + at)) };
}

function take(...commands: readonly AudienceCommand[]): { state: AudienceState; effects: AudienceEffect[] } {
  return takeFrom(emptyAudience(chatId), ...commands);
}

function takeFrom(start: AudienceState, ...commands: readonly AudienceCommand[]): { state: AudienceState; effects: AudienceEffect[] } {
  let state = start;
  const effects: AudienceEffect[] = [];
  for (const command of commands) {
    const next = step(state, command);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

/** The seqs that were published. */
function published(effects: readonly AudienceEffect[]): number[] {
  return effects.flatMap((effect) => (effect.kind === 'publish' ? [((effect.bytes[0] ?? 0) << 8) | (effect.bytes[1] ?? 0)] : []));
}

/** What each socket hears, with the subscriptions that stand at each publication. */
function heard(effects: readonly AudienceEffect[]): Map<number, number[]> {
  const subscribed = new Set<number>();
  const heardBy = new Map<number, number[]>();
  for (const effect of effects) {
    if (effect.kind === 'subscribe') subscribed.add(effect.connection);
    else if (effect.kind === 'unsubscribe') subscribed.delete(effect.connection);
    else if (effect.kind === 'publish') {
      for (const one of subscribed) if (one !== effect.except) heardBy.set(one, [...(heardBy.get(one) ?? []), ...published([effect])]);
    }
  }
  return heardBy;
}

const repairs = (effects: readonly AudienceEffect[]) => effects.flatMap((effect) => (effect.kind === 'repair' ? [effect.after] : []));
const enrolls = (effects: readonly AudienceEffect[]) => effects.flatMap((effect) => (effect.kind === 'enroll' ? [effect.userIds] : []));

test('whoever joins hears nothing until the owner has said that they are a member', () => {
  const { effects } = take(join(bob), push(7));
  assert.deepEqual(enrolls(effects), [[bob.userId]]);
  assert.deepEqual(heard(effects), new Map());
});

test('a member hears every entry after the one at which they were let in, and learns that head', () => {
  const { effects } = take(join(bob), enrolled(7, bob), push(8), push(9));
  assert.deepEqual(
    effects.find(({ kind }) => kind === 'subscribe'),
    { kind: 'subscribe', userId: bob.userId, deviceId: bob.deviceId, connection: socketOf(bob), head: 7 },
  );
  assert.deepEqual(heard(effects).get(socketOf(bob)), [8, 9]);
});

test('somebody whom the owner does not name hears nothing', () => {
  const { effects } = take(join(eve), { kind: 'enrolled', seq: 7, asked: [eve.userId], userIds: [] }, push(8));
  assert.equal(heard(effects).get(socketOf(eve)), undefined);
});

test('entries that came before the owner had answered do not block those after it', () => {
  const { effects, state } = take(join(bob), push(6), push(7), enrolled(7, bob), push(8), push(9));
  assert.deepEqual(heard(effects).get(socketOf(bob)), [8, 9]);
  assert.deepEqual(repairs(effects), []);
  assert.deepEqual(state.held, []);
});

test('an entry that came before the answer but stands after it is heard', () => {
  const { effects } = take(join(bob), push(8), enrolled(7, bob), push(9));
  assert.deepEqual(heard(effects).get(socketOf(bob)), [8, 9]);
});

test('the second socket of a member hears at once', () => {
  const { effects } = take(join(ann), enrolled(7, ann), push(8, { by: bob }), join(annsTablet), push(9, { by: bob }));
  assert.equal(enrolls(effects).length, 1);
  assert.deepEqual([heard(effects).get(socketOf(ann)), heard(effects).get(socketOf(annsTablet))], [[8, 9], [9]]);
});

test('a doubled or late entry is not heard again', () => {
  const { effects } = take(join(bob), enrolled(7, bob), push(8), push(8), push(9), push(8));
  assert.deepEqual(published(effects), [8, 9]);
});

test('the device that sent an entry gets no copy', () => {
  const { effects } = take(join(ann), join(annsTablet), enrolled(7, ann), push(8, { by: ann }));
  assert.deepEqual([heard(effects).get(socketOf(ann)), heard(effects).get(socketOf(annsTablet))], [undefined, [8]]);
});

test('a gap is healed before anything after it is heard', () => {
  const { effects, state } = take(join(bob), enrolled(7, bob), push(8), push(11), push(12));
  assert.deepEqual([published(effects), repairs(effects)], [[8], [8]]);
  const healed = takeFrom(state, repaired(9, 12), push(13));
  assert.deepEqual(published(healed.effects), [9, 10, 11, 12, 13]);
  assert.equal(healed.state.repairing, false);
});

test('while a repair is under way no second one is asked for; a repair that brings too little is followed by another', () => {
  const { effects, state } = take(join(bob), enrolled(7, bob), push(11), push(12), push(13));
  assert.deepEqual(repairs(effects), [7]);
  const part = takeFrom(state, repaired(8, 9));
  assert.deepEqual([published(part.effects), repairs(part.effects)], [[8, 9], [9]]);
  assert.deepEqual(published(takeFrom(part.state, repaired(10, 10)).effects), [10, 11, 12, 13]);
});

test('more entries than can be held back while a repair is under way come by repair, too, without waiting for the next one', () => {
  const many = Array.from({ length: 400 }, (_, at) => push(10 + at));
  const { state } = take(join(bob), enrolled(7, bob), ...many);
  let now = takeFrom(state, repaired(8, 9));
  const all = published(now.effects);
  for (let round = 0; round < 3 && repairs(now.effects).length > 0; round += 1) {
    now = takeFrom(now.state, repaired((repairs(now.effects)[0] ?? 0) + 1, 409));
    all.push(...published(now.effects));
  }
  assert.deepEqual(
    all,
    Array.from({ length: 402 }, (_, at) => 8 + at),
  );
});

test('an answer that is ahead of the audience lets in once it has caught up, even if one repair is not enough', () => {
  const { effects, state } = take(join(ann), enrolled(7, ann), join(bob), enrolled(12, bob));
  assert.deepEqual(repairs(effects), [7]);
  assert.equal(effects.filter(({ kind }) => kind === 'subscribe').length, 1);
  const part = takeFrom(state, repaired(8, 10));
  assert.deepEqual(repairs(part.effects), [10]);
  const whole = takeFrom(part.state, repaired(11, 12), push(13, { by: eve }));
  assert.deepEqual(heard([...part.effects, ...whole.effects]).get(socketOf(bob)), [13]);
});

test('an answer that an entry has overtaken is asked for again: it may miss a removal', () => {
  const { effects } = take(join(ann), enrolled(9, ann), join(bob), push(10), enrolled(9, bob));
  assert.deepEqual(enrolls(effects), [[ann.userId], [bob.userId], [bob.userId]]);
  assert.equal(heard(effects).get(socketOf(bob)), undefined);
});

test('an owner that knows less than it was asked for is asked again by the alarm, not at once: two of them would answer each other for ever', () => {
  const start = take(join(ann), enrolled(9, ann));
  const { effects, state } = takeFrom(start.state, { kind: 'again' }, join(bob), enrolled(8, bob), enrolled(8, bob), push(10, { by: eve }));
  assert.deepEqual(enrolls(effects), [[bob.userId]]);
  assert.equal(heard(effects).get(socketOf(bob)), undefined);
  assert.deepEqual(takeFrom(state, { kind: 'again' }).effects, [{ kind: 'enroll', userIds: [bob.userId], upTo: 10 }, { kind: 'alarm' }]);
});

test('whoever is asked learns up to where they must look: what was heard of, though it has not come', () => {
  const { effects } = take(join(bob), push(12), { kind: 'again' }, enrolled(7, bob));
  assert.deepEqual(
    effects.flatMap((effect) => (effect.kind === 'enroll' || effect.kind === 'repair' ? [[effect.kind, effect.upTo]] : [])),
    [
      ['enroll', 0],
      ['enroll', 12],
      ['repair', 12],
    ],
  );
});

test('whoever is removed does not hear the entry that removes them, nor any after it', () => {
  const { effects } = take(join(ann), join(bob), enrolled(7, ann, bob), push(8, { by: eve }), push(9, { by: eve, went: [bob] }), push(10, { by: eve }));
  assert.deepEqual([heard(effects).get(socketOf(ann)), heard(effects).get(socketOf(bob))], [[8, 9, 10], [8]]);
});

test('whoever is removed by an entry that only a repair brings hears nothing after it either', () => {
  const start = take(join(ann), join(bob), enrolled(7, ann, bob), push(10, { by: eve }));
  const { effects } = takeFrom(start.state, { kind: 'repaired', pushes: [chatPush(8, { by: eve }), chatPush(9, { by: eve, went: [bob] }), chatPush(10, { by: eve })] });
  assert.deepEqual(heard([...start.effects, ...effects]).get(socketOf(bob)), [8]);
});

test('somebody removed between the question and the answer is not let in', () => {
  const { effects } = take(join(ann), enrolled(7, ann), join(bob), push(8, { by: eve, went: [bob] }), enrolled(7, bob), push(9, { by: eve }));
  assert.equal(heard(effects).get(socketOf(bob)), undefined);
});

test('another socket of somebody who was removed has to be enrolled first', () => {
  const { effects } = take(join(ann), enrolled(7, ann), push(8, { by: eve, went: [ann] }), join(annsTablet), push(9, { by: eve }));
  assert.deepEqual(enrolls(effects), [[ann.userId], [ann.userId]]);
  assert.equal(heard(effects).get(socketOf(annsTablet)), undefined);
});

test('a socket that leaves hears nothing more; a user whose last socket leaves is forgotten', () => {
  const { effects, state } = take(join(ann), join(bob), enrolled(7, ann, bob), push(8, { by: eve }), leave(ann), leave(bob), push(9, { by: eve }));
  assert.deepEqual(
    heard(effects),
    new Map([
      [1, [8]],
      [2, [8]],
    ]),
  );
  assert.equal(state.listeners.size, 0);
});

test('joining or leaving twice changes nothing', () => {
  const { state } = take(join(bob), enrolled(7, bob));
  assert.deepEqual(takeFrom(state, join(bob)).effects, []);
  assert.deepEqual(takeFrom(state, leave(bob), leave(bob)).effects, [{ kind: 'unsubscribe', connection: socketOf(bob) }]);
});

test('what is not answered is asked again when the alarm comes: membership and repair', () => {
  const start = take(join(ann), join(bob));
  assert.equal(start.effects.filter(({ kind }) => kind === 'alarm').length, 1);
  const again = takeFrom(start.state, { kind: 'again' });
  assert.deepEqual(again.effects, [{ kind: 'enroll', userIds: [ann.userId, bob.userId], upTo: 0 }, { kind: 'alarm' }]);
  const gap = takeFrom(again.state, enrolled(7, ann, bob), push(9));
  assert.deepEqual(repairs(gap.effects), [7]);
  assert.deepEqual(takeFrom(gap.state, { kind: 'again' }).effects, [{ kind: 'repair', after: 7, upTo: 9 }, { kind: 'alarm' }]);
});

test('once everything is answered the alarm asks nothing and is not set again', () => {
  const { state } = take(join(ann), join(eve), { kind: 'enrolled', seq: 7, asked: [ann.userId, eve.userId], userIds: [ann.userId] }, push(8, { by: bob }));
  assert.deepEqual(takeFrom(state, { kind: 'again' }).effects, []);
});

test('a repair that brings nothing is asked for again by the alarm, not at once', () => {
  const { effects, state } = take(join(bob), enrolled(7, bob), push(9), { kind: 'repaired', pushes: [] });
  assert.deepEqual(repairs(effects), [7]);
  assert.deepEqual(repairs(takeFrom(state, { kind: 'again' }).effects), [7]);
});
