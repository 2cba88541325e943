// Who is in a chat, since and until which entry, and what that entitles to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatState } from '../../src/core/chat.ts';
import { applyEntry, heirOf, isMember, nobody, roleOf, sees, staysOf, visibleHead } from '../../src/core/members.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { add, ann, bob, chatOf, eve, kim, leave, mark, noon, only, person, post, pull, remove, seqOf, setRole, take, takeAt, textBytes, whyRefused } from './builders.ts';

test('a stay lasts from the entry that lets in to the entry that ends it, both seen', () => {
  const stays = [{ joined: 3, left: 5 }];
  assert.deepEqual(
    [2, 3, 4, 5, 6].map((seq) => sees(stays, seq)),
    [false, true, true, true, false],
  );
});

test('somebody who came back sees both stays and nothing between', () => {
  const stays = [
    { joined: 1, left: 3 },
    { joined: 6, left: 0 },
  ];
  assert.deepEqual(
    [1, 3, 4, 5, 6, 7, 1_000].map((seq) => sees(stays, seq)),
    [true, true, false, false, true, true, true],
  );
});

test('what somebody may see ends with the head of the log, or with their last stay', () => {
  assert.equal(visibleHead([], 9), 0);
  assert.equal(visibleHead([{ joined: 2, left: 0 }], 9), 9);
  assert.equal(visibleHead([{ joined: 2, left: 4 }], 9), 4);
  assert.equal(visibleHead([{ joined: 2, left: 4 }], 3), 3);
});

test('whoever is removed sees up to the removal and nothing after', () => {
  const { state } = take(chatOf(ann, bob), post(ann, { number: 1 }), remove(ann, { number: 2, after: 1 }, bob), post(ann, { number: 3, after: 2 }));
  const [read] = only(take(state, pull(bob, { after: 1 })).effects, 'readLog');
  assert.equal(read?.head, 3);
  assert.equal(read?.before, 4);
  assert.deepEqual(read?.stays, [{ joined: 1, left: 3 }]);
});

test('whoever is removed and added again has two stays', () => {
  const { state } = take(chatOf(ann, bob), remove(ann, { number: 1 }, bob), post(ann, { number: 2, after: 1 }), add(ann, { number: 3, after: 2 }, bob));
  assert.deepEqual(staysOf(state.members, bob.userId), [
    { joined: 1, left: 2 },
    { joined: 4, left: 0 },
  ]);
  assert.equal(seqOf(take(state, post(bob, { number: numberAt(noon) + 1 }))), 5);
});

/** The first number of that moment. */
function numberAt(ms: number): number {
  return ms * numbersPerMs;
}

/** Bob wrote at noon under its first number, was removed, and let in again an hour later. */
function returned(): ChatState {
  const { state } = take(chatOf(ann, bob), post(bob, { number: numberAt(noon) }), remove(ann, { number: 1 }, bob));
  return takeAt(noon + 3_600_000, state, add(ann, { number: 2, after: 1 }, bob)).state;
}

test('what somebody wrote before they were let in again is not taken: they may have been told that it is refused', () => {
  const highest = numberAt(noon + 3_600_000);
  for (const number of [numberAt(noon) + 1, highest]) {
    const old = { number, after: numberAt(noon) };
    for (const command of [post(bob, old), leave(bob, old)]) {
      const { state, effects } = takeAt(noon + 7_200_000, returned(), command);
      assert.deepEqual(effects, [{ kind: 'check' }, { kind: 'refused', to: bob, request: number, why: 'numberPassed', highest }]);
      assert.deepEqual(state, returned());
    }
  }
});

test('what somebody writes after they were let in again is taken, on a clock that is behind too', () => {
  const fresh = { number: numberAt(noon + 3_600_000) + 1, after: numberAt(noon) };
  for (const nowMs of [noon, noon + 7_200_000]) {
    assert.equal(seqOf(takeAt(nowMs, returned(), post(bob, fresh))), 5);
    assert.equal(seqOf(takeAt(nowMs, returned(), leave(bob, fresh))), 5);
  }
});

test('what was stored in a former stay is known when it is sent again, and one that follows it too late is out of order', () => {
  assert.equal(seqOf(take(returned(), post(bob, { number: numberAt(noon) }))), 2);
  assert.equal(whyRefused(take(returned(), post(bob, { number: numberAt(noon) + 9, after: numberAt(noon) + 5 }))), 'outOfOrder');
});

test('whoever never left, or is in for the first time, writes under whatever number', () => {
  const { state } = takeAt(noon + 3_600_000, returned(), add(ann, { number: 3, after: 2 }, eve));
  for (const one of [person(1, 2), eve]) assert.equal(seqOf(takeAt(noon + 3_600_000, state, post(one, { number: 1 }))), 6);
});

test('each return counts anew, whatever the role', () => {
  const later = takeAt(
    noon + 7_200_000,
    returned(),
    remove(ann, { number: 3, after: 2 }, bob),
    add(ann, { number: 4, after: 3 }, bob),
    setRole(ann, { number: 5, after: 4 }, bob, 'admin'),
  );
  const number = numberAt(noon + 3_600_000) + 1;
  assert.equal(whyRefused(takeAt(noon + 7_200_000, later.state, post(bob, { number }))), 'numberPassed');
  assert.equal(seqOf(takeAt(noon + 7_200_000, later.state, post(bob, { number: numberAt(noon + 7_200_000) + 1 }))), 8);
});

test('whoever came back while the chat`s clock was days ahead is told a number that is taken', () => {
  const days = 3 * 86_400_000;
  const { state } = takeAt(noon + days, chatOf(ann, bob), remove(ann, { number: 1 }, bob), add(ann, { number: 2, after: 1 }, bob));
  const [refused] = only(take(state, post(bob, { number: numberAt(noon) })).effects, 'refused');
  assert.equal(refused?.highest, numberAt(noon + limits.clockAheadMsMax / 2));
  assert.equal(seqOf(take(state, post(bob, { number: (refused?.highest ?? 0) + 1 }))), 4);
});

test('whoever comes back comes back as a plain member', () => {
  const start = take(chatOf(ann, bob), setRole(ann, { number: 1 }, bob, 'admin'), leave(bob, { number: 1 }), add(ann, { number: 2, after: 1 }, bob));
  assert.equal(roleOf(start.state.members, bob.userId), 'member');
});

test('the entry that removes somebody is pushed to them, too', () => {
  const [push] = only(take(chatOf(ann, bob), remove(ann, { number: 1 }, bob)).effects, 'push');
  assert.deepEqual([push?.to, push?.also], [[ann.userId], [bob.userId]]);
});

test('the entry that lets somebody in is pushed to them by name', () => {
  const [push] = only(take(chatOf(ann, bob), add(ann, { number: 1 }, eve)).effects, 'push');
  assert.deepEqual([push?.to, push?.also], [[ann.userId, bob.userId, eve.userId], [eve.userId]]);
});

test('everybody may leave; only owners and admins add; admins remove plain members; owners remove anybody; owners alone give roles', () => {
  const start = take(chatOf(ann, bob, eve, kim), setRole(ann, { number: 1 }, bob, 'admin')).state;
  assert.equal(whyRefused(take(start, add(eve, { number: 1 }, kim))), 'forbidden');
  assert.equal(whyRefused(take(start, remove(eve, { number: 1 }, kim))), 'forbidden');
  assert.equal(whyRefused(take(start, setRole(eve, { number: 1 }, eve, 'owner'))), 'forbidden');
  assert.equal(whyRefused(take(start, remove(bob, { number: 1 }, ann))), 'forbidden');
  assert.equal(whyRefused(take(start, setRole(bob, { number: 1 }, bob, 'owner'))), 'forbidden');
  assert.equal(seqOf(take(start, remove(bob, { number: 1 }, eve))), 3);
  assert.equal(seqOf(take(start, remove(ann, { number: 2, after: 1 }, bob))), 3);
  assert.equal(seqOf(take(start, leave(eve, { number: 1 }))), 3);
});

test('an admin does not remove another admin', () => {
  const start = take(chatOf(ann, bob, eve), setRole(ann, { number: 1 }, bob, 'admin'), setRole(ann, { number: 2, after: 1 }, eve, 'admin')).state;
  assert.equal(whyRefused(take(start, remove(bob, { number: 1 }, eve))), 'forbidden');
});

test('a leaving owner is followed by the longest-standing admin, else by the longest-standing member', () => {
  const plain = take(chatOf(ann, bob, eve), leave(ann, { number: 1 }));
  assert.equal(roleOf(plain.state.members, bob.userId), 'owner');
  assert.deepEqual(
    plain.entries.map(({ entryKind, number }) => [entryKind, number]),
    [
      [entryKinds.roleSet, 0],
      [entryKinds.left, 1],
    ],
  );
  const withAdmin = take(chatOf(ann, bob, eve), setRole(ann, { number: 1 }, eve, 'admin'), leave(ann, { number: 2, after: 1 }));
  assert.equal(roleOf(withAdmin.state.members, eve.userId), 'owner');
  assert.equal(roleOf(withAdmin.state.members, bob.userId), 'member');
});

test('no heir is needed while another owner stays, or when nobody does', () => {
  const two = take(chatOf(ann, bob), setRole(ann, { number: 1 }, bob, 'owner')).state;
  assert.equal(heirOf(two.members, ann.userId), undefined);
  const alone = take(chatOf(ann), leave(ann, { number: 1 }));
  assert.deepEqual(
    alone.entries.map(({ entryKind }) => entryKind),
    [entryKinds.left],
  );
  assert.deepEqual(alone.state.members.present, []);
});

test('the only owner cannot step down, nobody is removed twice, nobody removes themselves', () => {
  const start = chatOf(ann, bob);
  assert.equal(whyRefused(take(start, setRole(ann, { number: 1 }, ann, 'member'))), 'invalid');
  assert.equal(whyRefused(take(start, remove(ann, { number: 1 }, ann))), 'invalid');
  assert.equal(whyRefused(take(start, remove(ann, { number: 1 }, bob), remove(ann, { number: 2, after: 1 }, bob))), 'invalid');
  assert.equal(whyRefused(take(start, setRole(ann, { number: 1 }, eve, 'admin'))), 'invalid');
});

test('an owner may give the group away and then step down', () => {
  const { state } = take(chatOf(ann, bob), setRole(ann, { number: 1 }, bob, 'owner'), setRole(ann, { number: 2, after: 1 }, ann, 'member'));
  assert.deepEqual([roleOf(state.members, ann.userId), roleOf(state.members, bob.userId)], ['member', 'owner']);
});

test('whoever left keeps what they had read, and reads no further', () => {
  const { state } = take(chatOf(ann, bob), leave(bob, { number: 1 }), post(ann, { number: 1 }), mark(bob, { read: 99 }));
  assert.deepEqual(state.receipts.byUser.get(bob.userId), { delivered: 2, read: 2 });
});

test('an entry about members that cannot be read changes nothing', () => {
  const bad = { ...take(chatOf(ann, bob), add(ann, { number: 1 }, eve)).entries[0], body: textBytes('not a list') };
  assert.equal(applyEntry(nobody, bad as Parameters<typeof applyEntry>[1]), nobody);
});

test('adding somebody who is in already lets nobody in twice', () => {
  const { state } = take(chatOf(ann, bob), add(ann, { number: 1 }, bob, bob, eve, eve));
  assert.deepEqual(state.members.present, [ann.userId, bob.userId, eve.userId]);
  assert.ok(isMember(state.members, eve.userId));
  assert.deepEqual(staysOf(state.members, bob.userId), [{ joined: 1, left: 0 }]);
});
