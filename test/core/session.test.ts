// One connected user: which devices hear what, what may be in flight, and who is told to pull instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptySession, ignores, type Push, type SessionCommand, type SessionEffect, type SessionState, step } from '../../src/core/session.ts';
import { type FromDevice, refused, type ToDevice } from '../../src/protocol/codec.ts';
import { limits } from '../../src/protocol/limits.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { ann, annsTablet, bob, eve, groupOf, noon } from './builders.ts';

const chatId = groupOf(ann);
const welcome: ToDevice = { kind: 'pong', request: 0, serverTimeMs: noon };
const phone = 1;
const tablet = 2;

function attach(who = ann, connection = phone): SessionCommand {
  return { kind: 'attach', deviceId: who.deviceId, connection, welcome };
}

function from(connection: number, frame: FromDevice): SessionCommand {
  return { kind: 'fromDevice', connection, frame };
}

function send(number: number, { body = new Uint8Array(1), peer = null }: { readonly body?: Uint8Array; readonly peer?: typeof bob.userId | null } = {}): FromDevice {
  return { kind: 'send', chatId, number, after: 0, contentType: 'text/plain', body, peer };
}

function answer(request: number, who = ann): SessionCommand {
  return { kind: 'answer', deviceId: who.deviceId, frame: { kind: 'pong', request, serverTimeMs: noon }, last: true };
}

function pushed(more: Partial<Push> = {}): SessionCommand {
  const push: Push = { chatId, seq: 5, entryKind: entryKinds.message, author: bob.userId, origin: bob.deviceId, large: false, member: true, bytes: new Uint8Array([5]), ...more };
  return { kind: 'push', push };
}

interface Taken {
  readonly state: SessionState;
  /** Of the last command. */
  readonly effects: readonly SessionEffect[];
}

function take(...commands: readonly SessionCommand[]): Taken {
  return commands.reduce<Taken>(({ state }, command) => step(state, command, noon), { state: emptySession(ann.userId, 'here'), effects: [] });
}

/** The sockets that hear something by the last command. */
function hearing({ effects }: Taken): number[] {
  return effects.flatMap((effect) => (effect.kind === 'pushBytes' || effect.kind === 'toDevice' ? [effect.connection] : []));
}

function refusals({ effects }: Taken): string[] {
  return effects.flatMap((effect) => (effect.kind === 'toDevice' && effect.frame.kind === 'refused' ? [effect.frame.why] : []));
}

const both = [attach(), attach(annsTablet, tablet)];

test('the first device brings the user online, the last one takes them off', () => {
  assert.deepEqual(
    take(attach()).effects.map(({ kind }) => kind),
    ['online', 'toDevice'],
  );
  assert.deepEqual(
    take(...both).effects.map(({ kind }) => kind),
    ['toDevice'],
  );
  assert.deepEqual(take(...both, { kind: 'detach', connection: phone }).effects, []);
  assert.deepEqual(take(...both, { kind: 'detach', connection: phone }, { kind: 'detach', connection: tablet }).effects, [{ kind: 'online', online: false }]);
});

test('the same device again replaces its former socket, which is closed', () => {
  const taken = take(...both, attach(ann, 9));
  assert.deepEqual(
    taken.effects.filter(({ kind }) => kind === 'close'),
    [{ kind: 'close', connection: phone, why: 'replaced' }],
  );
  assert.deepEqual(
    taken.state.devices.map(({ connection }) => connection),
    [tablet, 9],
  );
  assert.deepEqual(take(...both, attach(ann, 9), { kind: 'detach', connection: phone }).state.devices.length, 2);
});

test('a push reaches every device but the one that sent it', () => {
  assert.deepEqual(hearing(take(...both, pushed())), [phone, tablet]);
  assert.deepEqual(hearing(take(...both, pushed({ author: ann.userId, origin: ann.deviceId }))), [tablet]);
});

test('what is ignored is what would change nothing, and nothing else', () => {
  const own = { author: ann.userId, origin: ann.deviceId };
  const commands = [
    pushed(own),
    pushed(),
    pushed({ ...own, origin: annsTablet.deviceId }),
    pushed({ ...own, origin: null }),
    pushed({ ...own, entryKind: entryKinds.left, large: true }),
    answer(1),
    { kind: 'heal' } as const,
  ];
  for (const devices of [[], [attach()], [attach(annsTablet, tablet)], both]) {
    const { state } = take(...devices);
    for (const command of commands) {
      const { state: next, effects } = step(state, command, noon);
      if (ignores(state, command)) assert.deepEqual([next, effects], [state, []]);
    }
  }
  assert.deepEqual(
    [[attach()], [attach(annsTablet, tablet)], both].map((devices) => ignores(take(...devices).state, pushed(own))),
    [true, false, false],
  );
});

test('a device whose window is full is left out until it has drained, then told to resume', () => {
  const full: SessionCommand = { kind: 'full', connection: phone };
  assert.deepEqual(hearing(take(...both, full, pushed())), [tablet]);
  assert.deepEqual(hearing(take(...both, full, { kind: 'notify', frame: welcome, except: null })), [tablet]);
  const drained = take(...both, full, { kind: 'drained', connection: phone });
  assert.deepEqual(drained.effects, [
    { kind: 'lagging', connection: phone, lagging: false },
    { kind: 'toDevice', connection: phone, frame: { kind: 'lagging' } },
  ]);
  assert.deepEqual(hearing(take(...both, full, { kind: 'drained', connection: phone }, pushed())), [phone, tablet]);
});

test('a window that is full twice lags once', () => {
  assert.deepEqual(take(attach(), { kind: 'full', connection: phone }).effects, [{ kind: 'lagging', connection: phone, lagging: true }]);
  assert.deepEqual(take(attach(), { kind: 'full', connection: phone }, { kind: 'full', connection: phone }).effects, []);
});

test('a send becomes one post to its chat; one that names its peer waits until that user is known to exist', () => {
  const [plain] = take(attach(), from(phone, send(1))).effects;
  assert.equal(plain?.kind, 'toChat');
  const [named] = take(attach(), from(phone, send(1, { peer: bob.userId }))).effects;
  assert.ok(named?.kind === 'toChatIfUsersExist');
  assert.deepEqual(named.userIds, [bob.userId]);
});

test('a command names the device that it came from, whatever its frame says', () => {
  const [effect] = take(...both, from(tablet, send(1))).effects;
  assert.ok(effect?.kind === 'toChat' && effect.command.kind === 'post');
  assert.deepEqual(effect.command.from, { node: 'here', userId: ann.userId, deviceId: annsTablet.deviceId });
});

test('a body over the limit is refused before it reaches the chat', () => {
  const taken = take(attach(), from(phone, send(1, { body: new Uint8Array(limits.bodyBytesMax + 1) })));
  assert.deepEqual([refusals(taken), taken.effects.length], [['bodyTooBig'], 1]);
});

test('requests over the limit are refused until one is answered; other devices are not concerned', () => {
  const many = Array.from({ length: limits.requestsInFlightMax }, (_, at) => from(phone, send(at + 1)));
  assert.deepEqual(refusals(take(...both, ...many, from(phone, send(9_999)))), ['tooManyInFlight']);
  assert.deepEqual(refusals(take(...both, ...many, from(phone, { kind: 'pull', request: 1, chatId, after: 0, upTo: 0, limit: 1 }))), ['tooManyInFlight']);
  assert.deepEqual(refusals(take(...both, ...many, from(tablet, send(1)))), []);
  assert.deepEqual(refusals(take(...both, ...many, answer(1), from(phone, send(9_999)))), []);
});

test('an answer in several parts counts as one', () => {
  const many = Array.from({ length: limits.requestsInFlightMax }, (_, at) => from(phone, send(at + 1)));
  const part: SessionCommand = { kind: 'answer', deviceId: ann.deviceId, frame: welcome, last: false };
  assert.deepEqual(refusals(take(attach(), ...many, part, from(phone, send(9_999)))), ['tooManyInFlight']);
});

test('requests whose answers were lost between nodes stop counting when the session heals for that reason', () => {
  const many = Array.from({ length: limits.requestsInFlightMax }, (_, at) => from(phone, send(at + 1)));
  assert.deepEqual(refusals(take(attach(), ...many, { kind: 'heal' }, from(phone, send(9_999)))), ['tooManyInFlight']);
  const healed = take(attach(), ...many, { kind: 'heal', answersLost: true }, answer(1), from(phone, send(9_999)));
  assert.deepEqual([refusals(healed), healed.state.devices[0]?.inFlight], [[], 1]);
});

test('an answer for a device that has gone is dropped', () => {
  assert.deepEqual(take(...both, { kind: 'detach', connection: phone }, answer(1)).effects, []);
});

test('a socket that the session does not know is ended when it speaks: its device attaches anew', () => {
  assert.deepEqual(take(attach(), from(77, send(1))).effects, [{ kind: 'close', connection: 77, why: 'internal' }]);
});

test('an unknown frame, and a second hello, are answered with a refusal', () => {
  const unknown: SessionCommand = { kind: 'fromDevice', connection: phone, frame: { kind: 'unknown', type: 250, request: 3 } };
  assert.deepEqual(take(attach(), unknown).effects, [{ kind: 'toDevice', connection: phone, frame: refused(3, 'unknownFrame') }]);
  assert.deepEqual(refusals(take(attach(), from(phone, { kind: 'hello', version: 1, token: 't', deviceId: ann.deviceId, client: '' }))), ['invalid']);
});

test('ping is answered with the hour of the server', () => {
  assert.deepEqual(take(attach(), from(phone, { kind: 'ping', request: 4 })).effects, [
    { kind: 'toDevice', connection: phone, frame: { kind: 'pong', request: 4, serverTimeMs: noon } },
  ]);
});

test('marks ask for no answer and count as no request', () => {
  const many = Array.from({ length: limits.requestsInFlightMax }, (_, at) => from(phone, send(at + 1)));
  const [effect] = take(attach(), ...many, from(phone, { kind: 'read', chatId, seq: 9 })).effects;
  assert.ok(effect?.kind === 'toChat' && effect.command.kind === 'mark');
  assert.deepEqual([effect.command.delivered, effect.command.read], [0, 9]);
});

test('a resume in several frames is answered once, for all of its cursors', () => {
  const cursors = [{ chatId, seq: 1, receiptsVersion: 0 }];
  const part = (last: boolean): SessionCommand => from(phone, { kind: 'resume', request: 5, incarnation: 'x', cursors, last });
  assert.deepEqual(take(attach(), part(false)).effects, []);
  const [effect] = take(attach(), part(false), part(true)).effects;
  assert.ok(effect?.kind === 'resume');
  assert.equal(effect.cursors.length, 2);
});

test('a resume with more cursors than fit is refused and forgotten', () => {
  const cursors = Array.from({ length: limits.cursorsPerResumeMax }, () => ({ chatId, seq: 1, receiptsVersion: 0 }));
  const part: SessionCommand = from(phone, { kind: 'resume', request: 5, incarnation: 'x', cursors, last: false });
  const taken = take(attach(), ...Array.from({ length: 11 }, () => part));
  assert.deepEqual([refusals(taken), taken.state.devices[0]?.resuming], [['invalid'], null]);
});

test('every device joins the audiences of the large chats that the inbox names, and new devices do so when they come', () => {
  const large: SessionCommand = { kind: 'large', chatIds: [chatId] };
  const joins = ({ effects }: Taken) => effects.flatMap((effect) => (effect.kind === 'joinAudience' ? [effect.connection] : []));
  assert.deepEqual(joins(take(...both, large)), [phone, tablet]);
  assert.deepEqual(joins(take(...both, large, large)), []);
  assert.deepEqual(joins(take(attach(), large, attach(annsTablet, tablet))), [tablet]);
});

test('an audience that had no room, or has lost its memory, is joined again by whoever is still of it', () => {
  const rejoin: SessionCommand = { kind: 'rejoin', chatId };
  assert.deepEqual(
    take(...both, { kind: 'large', chatIds: [chatId] }, rejoin).effects.map(({ kind }) => kind),
    ['joinAudience', 'joinAudience'],
  );
  assert.deepEqual(take(...both, rejoin).effects, []);
});

test('a chat that grows large while the user is there is joined by the entry that says so', () => {
  const grown = take(...both, pushed({ entryKind: entryKinds.grown, large: true }));
  assert.deepEqual(
    grown.effects.map(({ kind }) => kind),
    ['pushBytes', 'pushBytes', 'joinAudience', 'joinAudience'],
  );
});

test('whoever is removed from a large chat leaves its audience with every device, and may join again', () => {
  const out = take(...both, { kind: 'large', chatIds: [chatId] }, pushed({ entryKind: entryKinds.removed, large: true, member: false }));
  assert.deepEqual(
    out.effects.map(({ kind }) => kind),
    ['pushBytes', 'pushBytes', 'leaveAudience', 'leaveAudience'],
  );
  const back = step(out.state, pushed({ entryKind: entryKinds.added, large: true, member: true }), noon);
  assert.deepEqual(
    back.effects.map(({ kind }) => kind),
    ['pushBytes', 'pushBytes', 'joinAudience', 'joinAudience'],
  );
});

test('a device that goes leaves the audiences that it had joined', () => {
  const taken = take(...both, { kind: 'large', chatIds: [chatId] }, { kind: 'detach', connection: tablet });
  assert.deepEqual(taken.effects, [{ kind: 'leaveAudience', chatId, connection: tablet }]);
});

test('a device that was logged out is closed, the others stay', () => {
  assert.deepEqual(take(...both, { kind: 'revoke', deviceId: annsTablet.deviceId }).effects, [{ kind: 'close', connection: tablet, why: 'loggedOut' }]);
});

test('what is watched replaces what was watched before, and ends with the last device', () => {
  const watch = (...userIds: readonly (typeof bob.userId)[]): SessionCommand => from(phone, { kind: 'watch', userIds });
  assert.deepEqual(take(attach(), watch(bob.userId), watch(eve.userId)).effects, [{ kind: 'watch', userIds: [eve.userId], former: [bob.userId] }]);
  assert.deepEqual(
    take(attach(), watch(bob.userId), { kind: 'detach', connection: phone }).effects.map(({ kind }) => kind),
    ['watch', 'online'],
  );
});

test('the chat in focus is remembered per device', () => {
  const { state } = take(...both, from(tablet, { kind: 'focus', chatId }));
  assert.deepEqual(
    state.devices.map(({ focus }) => focus),
    [null, chatId],
  );
});
