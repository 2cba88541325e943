// A chat's state is a fold of its log: from the start, from any kept fold and live it is the same; and no interleaving with resends stores anything twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import type { ChatCommand, ChatState } from '../../src/core/chat.ts';
import { apply, emptyChat, type Folded, foldFromBytes, foldToBytes } from '../../src/core/fold.ts';
import { numbersPerMs } from '../../src/protocol/limits.ts';
import { roles } from '../../src/protocol/members.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { add, ann, bob, chat, chatOf, created, directOf, foldOf, groupOf, noon, person, post, remove, seqOf, take, takeAt, whyRefused } from './builders.ts';

const people = Array.from({ length: 6 }, (_, n) => person(n + 1));
const one = fc.constantFrom(...people);
/** What somebody does: its number comes from the device's own counter, or is one that it has used before. */
const deed = fc.record({
  by: one,
  device: fc.integer({ min: 1, max: 8 }),
  kind: fc.constantFrom('post', 'post', 'post', 'added', 'removed', 'left', 'roleSet', 'mark'),
  whom: one,
  role: fc.constantFrom(...roles),
  resend: fc.option(fc.nat(40), { nil: undefined, freq: 3 }),
  skip: fc.boolean(),
});
type Deed = typeof deed extends fc.Arbitrary<infer Value> ? Value : never;

/** Turns deeds into commands as devices would: numbers rise, `after` names the one before, a resend repeats a former command as it was. */
function commandsOf(deeds: readonly Deed[], start: ChatState): ChatCommand[] {
  const counters = new Map<string, number>();
  const done: ChatCommand[] = [];
  for (const { by, device, kind, whom, role, resend, skip } of deeds) {
    if (resend !== undefined && done.length > 0) {
      done.push(done[resend % done.length] as ChatCommand);
      continue;
    }
    const from = { ...by, deviceId: person(Number(people.indexOf(by)) + 1, device).deviceId };
    // Some number from the chat's clock on, others from far below: those are not heard after they were out.
    const last = counters.get(from.deviceId) ?? (device > 4 ? noon * numbersPerMs : 0);
    const number = last + (skip ? 7 : 1);
    counters.set(from.deviceId, number);
    const numbered = { from, number, after: skip ? 0 : last };
    if (kind === 'post') done.push({ kind: 'post', ...numbered, contentType: 'text/plain', body: new Uint8Array([number & 255]), peer: start.seq === 0 ? whom.userId : null });
    else if (kind === 'mark') done.push({ kind: 'mark', from, delivered: number, read: number - 1 });
    else if (kind === 'left') done.push({ kind: 'change', ...numbered, change: { kind } });
    else if (kind === 'added') done.push({ kind: 'change', ...numbered, change: { kind, userIds: [whom.userId, by.userId] } });
    else if (kind === 'removed') done.push({ kind: 'change', ...numbered, change: { kind, userId: whom.userId } });
    else done.push({ kind: 'change', ...numbered, change: { kind: 'roleSet', userId: whom.userId, role } });
  }
  return done;
}

const starts = [chat(groupOf(ann)), directOf(ann, bob)];
function runs(): fc.Arbitrary<{ deeds: readonly Deed[]; start: ChatState }> {
  return fc.record({ deeds: fc.array(deed, { maxLength: 120, size: 'max' }), start: fc.constantFrom(...starts) });
}

function play({ deeds, start }: { deeds: readonly Deed[]; start: ChatState }): { state: ChatState; entries: readonly Entry[] } {
  const opening = start === starts[0] ? [created(ann, people.slice(1, 4))] : [];
  const first = take(start, ...opening);
  const rest = take(first.state, ...commandsOf(deeds, start));
  return { state: rest.state, entries: [...first.entries, ...rest.entries] };
}

/** As plain data: two folds that are the same compare equal. */
function plain(folded: Folded): unknown {
  return { ...folded, resends: undefined, members: undefined, bytes: Buffer.from(foldToBytes(folded)).toString('base64') };
}

test('replaying the log from the start gives the live state', () => {
  fc.assert(
    fc.property(runs(), (run) => {
      const { state, entries } = play(run);
      const replayed = entries.reduce((folded, entry) => apply(folded, entry), emptyChat(run.start.chatId));
      assert.deepEqual(plain(replayed), plain(foldOf(state)));
    }),
  );
});

test('replaying from any kept fold gives the live state', () => {
  fc.assert(
    fc.property(runs(), fc.nat(), (run, pick) => {
      const { state, entries } = play(run);
      const at = entries.length === 0 ? 0 : pick % entries.length;
      const kept = foldToBytes(entries.slice(0, at).reduce((folded, entry) => apply(folded, entry), emptyChat(run.start.chatId)));
      const woken = foldFromBytes(run.start.chatId, kept) ?? assert.fail('a fold of this version is read');
      assert.deepEqual(plain(entries.slice(at).reduce((folded, entry) => apply(folded, entry), woken)), plain(foldOf(state)));
    }),
  );
});

test('the log is dense, its clock never falls, and countable counts the messages', () => {
  fc.assert(
    fc.property(runs(), (run) => {
      const { entries } = play(run);
      let countable = 0;
      entries.forEach((entry, at) => {
        countable += entry.entryKind === 1 ? 1 : 0;
        assert.deepEqual([entry.seq, entry.countable], [at + 1, countable]);
        assert.ok(at === 0 || entry.atMs >= (entries[at - 1]?.atMs ?? 0));
      });
    }),
  );
});

test('whatever is resent whenever, each number of a device makes at most one entry, and they stand in rising order', () => {
  fc.assert(
    fc.property(runs(), (run) => {
      const highest = new Map<string, number>();
      for (const { device, number, seq } of play(run).entries) {
        if (number === 0) continue;
        assert.ok(number > (highest.get(device) ?? 0), `number ${number} of ${device} stands again or late at ${seq}`);
        highest.set(device, number);
      }
    }),
  );
});

test('a chat that wakes in the middle of a run decides as the one that slept not', () => {
  fc.assert(
    fc.property(runs(), fc.nat(), (run, pick) => {
      const opening = run.start === starts[0] ? [created(ann, people.slice(1, 4))] : [];
      const commands = [...opening, ...commandsOf(run.deeds, run.start)];
      const at = commands.length === 0 ? 0 : pick % commands.length;
      const before = take(run.start, ...commands.slice(0, at));
      const folded = foldFromBytes(run.start.chatId, foldToBytes(before.state)) ?? assert.fail('a fold of this version is read');
      const live = take(before.state, ...commands.slice(at));
      const woken = take({ ...folded, receipts: before.state.receipts }, ...commands.slice(at));
      assert.deepEqual(woken.entries, live.entries);
      assert.deepEqual(plain(foldOf(woken.state)), plain(foldOf(live.state)));
    }),
  );
});

test('an entry of an unknown kind changes nothing but the count', () => {
  const state = take(chatOf(ann, bob), post(ann, { number: 1 })).state;
  const entry: Entry = {
    chatId: state.chatId,
    seq: 3,
    entryKind: 200,
    author: ann.userId,
    device: ann.deviceId,
    number: 2,
    countable: 1,
    atMs: noon,
    contentType: 'application/x',
    body: new Uint8Array([0xc1]),
  };
  const { seq, resends, ...rest } = foldOf(apply(state, entry));
  const { seq: seqBefore, resends: resendsBefore, ...restBefore } = foldOf(state);
  assert.deepEqual(rest, restBefore);
  assert.equal(seq, seqBefore + 1);
  assert.notEqual(resends, resendsBefore);
});

test('a fold of another version is not read: the log is replayed instead', () => {
  const bytes = foldToBytes(chatOf(ann, bob));
  assert.equal(bytes[1], 1);
  const newer = bytes.slice();
  newer[1] = 2;
  assert.equal(foldFromBytes(groupOf(ann), newer), undefined);
});

test('the fold of a direct chat stays small enough to ride with every append', () => {
  let state = directOf(ann, bob);
  for (let number = 1; number <= 100; number += 1) {
    const nowMs = noon + number * 1_000;
    const from = number % 2 === 0 ? ann : bob;
    const at = nowMs * 1_024;
    state = takeAt(nowMs, state, post(from, { number: at, after: number > 2 ? at - 2_048_000 : 0, to: from === ann ? bob : ann })).state;
  }
  assert.equal(state.seq, 101);
  assert.ok(foldToBytes(state).byteLength < 2 * 1_024);
});

test('a fold keeps when somebody came back; one of before there was that is read, and holds nobody to it', () => {
  const { state } = take(chatOf(ann, bob), remove(ann, { number: 1 }, bob), add(ann, { number: 2, after: 1 }, bob));
  const old = post(bob, { number: noon * numbersPerMs });
  const woken = foldFromBytes(state.chatId, foldToBytes(state)) ?? assert.fail('a fold of this version is read');
  assert.deepEqual([...woken.members.byUser], [...state.members.byUser]);
  assert.equal(whyRefused(take({ ...woken, receipts: state.receipts }, old)), 'numberPassed');
  const [version, seq, countable, atMs, title, grownAtMs, [rows, present], resends] = decode(foldToBytes(state)) as Former;
  assert.deepEqual(
    rows.map((row) => row.length),
    [3, 4],
  );
  const former = encode([version, seq, countable, atMs, title, grownAtMs, [rows.map((row) => row.slice(0, 3)), present], resends]);
  const read = foldFromBytes(state.chatId, former) ?? assert.fail('a fold of a former version is read');
  assert.equal(seqOf(take({ ...read, receipts: state.receipts }, old)), 4);
});
type Former = [number, number, number, number, string, number, [unknown[][], number[]], unknown];
