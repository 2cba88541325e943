// The actor of one connected user: all of the user's devices on this node.
import type { Router } from '../cluster/router.ts';
import type { ChatCommand } from '../core/chat.ts';
import { groupIdOf } from '../core/groups.ts';
import { type ConnectionId, emptySession, ignores, later, type SessionCommand, type SessionEffect, type SessionState, step } from '../core/session.ts';
import { encodeFrame, refused, type ToDevice } from '../protocol/codec.ts';
import type { CloseWhy, Why } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import type { ChatsFrame, CursorRow, IncarnationChanged, ListChats, Moved } from '../protocol/sync.ts';
import type { PresenceStore } from '../store/presence.ts';
import type { Clock } from '../structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { ActorDefinition, Entities, GivenBack, Self } from './runtime/actor.ts';
import { Overfull } from './runtime/admission.ts';

/** The open sockets, as a session sees them. Transport fulfils it. */
export interface Connections {
  /** False when the device reads too slowly and the frame was left out; the session then hears `drained`. */
  send(connection: ConnectionId, bytes: Uint8Array): boolean;
  subscribe(connection: ConnectionId, chatId: ChatId): void;
  unsubscribe(connection: ConnectionId, chatId: ChatId): void;
  publish(chatId: ChatId, bytes: Uint8Array, except: ConnectionId | undefined): void;
  close(connection: ConnectionId, why: CloseWhy): void;
}

/** Questions that a session has answered by services. */
export interface SessionAnswers {
  resume(userId: UserId, incarnation: string, cursors: readonly CursorRow[], request: number): Promise<Resumed>;
  heads(userId: UserId): Promise<Omit<Resumed, 'frames'> & { readonly rows: Moved['rows'] }>;
  listChats(userId: UserId, wish: ListChats): Promise<ChatsFrame>;
  /** At once where it is known. */
  usersExist(userIds: readonly UserId[]): boolean | Promise<boolean>;
  /** Which of them share a chat with this user, and may be watched. */
  acquainted(userId: UserId, others: readonly UserId[]): Promise<readonly UserId[]>;
}
export interface Resumed {
  readonly frames: readonly (Moved | IncarnationChanged)[];
  readonly large: readonly ChatId[];
  /** Memberships that were announced but not confirmed: the chats are asked. */
  readonly unconfirmed: readonly ChatId[];
}

export interface SessionNeeds {
  readonly router: Router;
  readonly entities: Entities;
  readonly connections: Connections;
  readonly answers: SessionAnswers;
  readonly presence: PresenceStore;
  readonly clock: Clock;
  readonly counts: { resyncs: number; lagging: number };
  /** Users whose session had no room for a push, and will look again. */
  readonly overrun: Set<UserId>;
  /** Devices that lag now. */
  readonly lagging: Set<ConnectionId>;
  refused(why: string): void;
}

/** What was last told by the periodic heal, so that it tells only what changed. */
interface SessionContext {
  healed: Map<ChatId, number> | undefined;
  healing: boolean;
  /** Before this a heal brings no further one: it comes from outside of the row of periodic ones. */
  nextHealMs: number;
  /** Chats for which users are being looked up, with what came meanwhile: what devices send to one chat keeps its order. */
  held: Map<ChatId, (() => void)[]> | undefined;
}
type SessionSelf = Self<UserId, SessionContext>;
type SessionActor = ActorDefinition<UserId, SessionState, SessionCommand, SessionEffect, SessionContext>;

/** After attaching, interest takes a moment to spread; then from time to time. Only where the link may lose. */
const firstHealMs = 5_000;

export function sessionActor(needs: SessionNeeds): SessionActor {
  const { router } = needs;
  return {
    kind: 'session',
    mailboxMax: 10_000,
    mailboxBytesMax: 16 * 1024 * 1024,
    batchMax: 256,
    batchBytesMax: 4 * 1024 * 1024,
    passivateAfterMs: 0,
    atOnce: true, // three times for every message
    sizeOf: (command) =>
      command.kind === 'push' ? 128 + command.push.bytes.byteLength : command.kind === 'fromDevice' && command.frame.kind === 'send' ? 128 + command.frame.body.byteLength : 128,
    load: (id) => ({ state: emptySession(id, router.node), context: { healed: undefined, healing: false, nextHealMs: 0, held: undefined } }),
    step,
    ignores,
    isDurable: () => false,
    commit: () => undefined,
    perform: (effect, self) => perform(effect, self, needs),
    giveBack: (command, why, id) => giveBack(command, why, id, needs),
    readsOnly: () => false,
    isOver: ({ devices }) => devices.length === 0,
  };
}

function perform(effect: SessionEffect, self: SessionSelf, needs: SessionNeeds): void {
  const { router, connections, entities } = needs;
  const userId = self.id;
  switch (effect.kind) {
    case 'pushBytes':
      return deliver(effect.connection, effect.bytes, userId, needs);
    case 'toDevice':
      return deliver(effect.connection, encodeFrame(effect.frame), userId, needs);
    case 'toChat':
      return toChat(effect.chatId, effect.command, self, needs);
    case 'toChatIfUsersExist':
      return toChatIfUsersExist(effect, self, needs);
    case 'createGroup': {
      const { deviceId, frame } = effect;
      const from = { node: router.node, userId, deviceId };
      const command = { kind: 'create', from, number: frame.number, after: 0, title: frame.title, userIds: frame.userIds } as const;
      const chatId = groupIdOf(userId, deviceId, frame.number);
      return toChatIfUsersExist({ chatId, command, userIds: frame.userIds, deviceId, request: frame.number }, self, needs);
    }
    case 'resume':
      return resume(effect, self, needs);
    case 'listChats':
      return answerLater({ userId, deviceId: effect.deviceId, request: effect.frame.request }, needs, needs.answers.listChats(userId, effect.frame));
    case 'joinAudience':
      return entities.tell('audience', effect.chatId, { kind: 'join', userId, deviceId: effect.deviceId, connection: effect.connection });
    case 'leaveAudience':
      return void entities.tellIfAwake('audience', effect.chatId, { kind: 'leave', userId, connection: effect.connection });
    case 'watch':
      return watch(effect, userId, needs);
    case 'online':
      return online(effect.online, self, needs);
    case 'heal':
      return heal(self, needs);
    case 'lagging':
      if (effect.lagging) needs.counts.lagging += 1;
      if (effect.lagging) needs.lagging.add(effect.connection);
      else needs.lagging.delete(effect.connection);
      return;
    case 'close':
      return connections.close(effect.connection, effect.why);
  }
}

function deliver(connection: ConnectionId, bytes: Uint8Array, userId: UserId, { connections, entities }: SessionNeeds): void {
  if (!connections.send(connection, bytes)) entities.tell('session', userId, { kind: 'full', connection });
}

interface Asker {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly request: number;
}

function answer({ userId, deviceId }: Asker, frame: ToDevice, last: boolean, { entities }: SessionNeeds): void {
  entities.tellIfAwake('session', userId, { kind: 'answer', deviceId, frame, last });
}

function refuse(asker: Asker, why: Why, needs: SessionNeeds): void {
  needs.refused(why);
  answer(asker, refused(asker.request, why, later(why)), true, needs);
}

/** A question that fails is a store out of reach: the device asks again. */
function answerLater(asker: Asker, needs: SessionNeeds, question: Promise<ToDevice>): void {
  question.then(
    (frame) => answer(asker, frame, true, needs),
    () => refuse(asker, 'unavailable', needs),
  );
}

function toChat(chatId: ChatId, command: ChatCommand, self: SessionSelf, needs: SessionNeeds): void {
  const held = self.context.held?.get(chatId);
  if (held === undefined) needs.router.tellChat(chatId, command);
  else held.push(() => toChat(chatId, command, self, needs)); // bounded by what a device may have in flight
}

type IfUsersExist = Omit<Extract<SessionEffect, { kind: 'toChatIfUsersExist' }>, 'kind'>;

function toChatIfUsersExist(wanted: IfUsersExist, self: SessionSelf, needs: SessionNeeds): void {
  const { chatId, command, userIds } = wanted;
  const others = self.context.held?.get(chatId);
  if (others !== undefined) return held(others, wanted, self, needs);
  const known = needs.answers.usersExist(userIds);
  if (known === true) return needs.router.tellChat(chatId, command);
  lookUp(known, wanted, self, needs);
}

function held(others: (() => void)[], wanted: IfUsersExist, self: SessionSelf, needs: SessionNeeds): void {
  others.push(() => toChatIfUsersExist(wanted, self, needs));
}

/** Apart from the above, where nearly every message ends: closures cost even those who never come to them. */
function lookUp(known: false | Promise<boolean>, { chatId, command, deviceId, request }: IfUsersExist, { context, id: userId }: SessionSelf, needs: SessionNeeds): void {
  context.held ??= new Map();
  context.held.set(chatId, []);
  const done = (why: Why | undefined): void => {
    const others = context.held?.get(chatId) ?? [];
    context.held?.delete(chatId);
    if (why === undefined) needs.router.tellChat(chatId, command);
    else refuse({ userId, deviceId, request }, why, needs);
    for (const next of others) next(); // one that is looked up in turn holds those behind it again
  };
  const answered = async (): Promise<Why | undefined> => ((await known) ? undefined : 'noSuchUser');
  answered().then(done, () => done('unavailable'));
}

function resume({ deviceId, request, incarnation, cursors }: Extract<SessionEffect, { kind: 'resume' }>, self: SessionSelf, needs: SessionNeeds): void {
  const userId = self.id;
  const asker = { userId, deviceId, request };
  needs.counts.resyncs += 1;
  needs.answers.resume(userId, incarnation, cursors, request).then(
    ({ frames, large, unconfirmed }) => {
      if (large.length > 0) needs.entities.tellIfAwake('session', userId, { kind: 'large', chatIds: large });
      frames.forEach((frame, at) => answer(asker, frame, at === frames.length - 1, needs));
      for (const chatId of unconfirmed) needs.router.tellChat(chatId, { kind: 'confirm', userId });
    },
    (error: unknown) => refuse(asker, error instanceof Overfull ? 'busy' : 'unavailable', needs),
  );
}

/** Tells the devices the heads that changed since the last time: what a push may have failed to say. */
function heal(self: SessionSelf, { answers, entities, router, clock }: SessionNeeds): void {
  const { context, id: userId } = self;
  if (router.mayLose && clock.nowMs() >= context.nextHealMs) {
    context.nextHealMs = clock.nowMs() + limits.healMaxMs / 2;
    self.after(limits.healMaxMs, { kind: 'heal', answersLost: true });
  }
  if (context.healing) return;
  context.healing = true;
  const done = (rows: Moved['rows'], unconfirmed: readonly ChatId[]): void => {
    context.healing = false;
    for (const chatId of unconfirmed) router.tellChat(chatId, { kind: 'confirm', userId });
    const news = rows.filter(({ chatId, head }) => head > (context.healed?.get(chatId) ?? -1));
    context.healed = new Map(rows.map(({ chatId, head }) => [chatId, head - 1])); // less a margin: the last one is told twice
    for (let at = 0; at < news.length; at += limits.cursorsPerResumeMax) {
      const frame: Moved = { kind: 'moved', request: 0, rows: news.slice(at, at + limits.cursorsPerResumeMax), last: at + limits.cursorsPerResumeMax >= news.length };
      entities.tellIfAwake('session', userId, { kind: 'notify', frame, except: null });
    }
  };
  answers.heads(userId).then(
    ({ rows, large, unconfirmed }) => {
      if (large.length > 0) entities.tellIfAwake('session', userId, { kind: 'large', chatIds: large }); // the push that let this user in may be among what was missed
      done(rows, unconfirmed);
    },
    () => done([], []),
  );
}

function watch({ userIds, former }: Extract<SessionEffect, { kind: 'watch' }>, userId: UserId, { entities, answers }: SessionNeeds): void {
  for (const other of former) if (!userIds.includes(other)) entities.tellIfAwake('presence', other, { kind: 'unwatch', by: userId });
  if (userIds.length === 0) return;
  answers.acquainted(userId, userIds).then(
    (known) => {
      for (const other of known) entities.tell('presence', other, { kind: 'watch', by: userId });
    },
    () => undefined, // presence may be lost
  );
}

function online(isOnline: boolean, self: SessionSelf, { entities, presence, clock, router }: SessionNeeds): void {
  const userId = self.id;
  const atMs = clock.nowMs();
  entities.tellIfAwake('presence', userId, { kind: 'seen', node: router.node, online: isOnline, atMs });
  const tell = (): void => router.tellWatchers(userId, isOnline, atMs);
  presence.put({ userId, online: isOnline, lastSeenMs: atMs }).then(tell, tell); // written first: who begins to watch meanwhile finds it there, or hears it. May be lost
  if (isOnline && router.mayLose) self.after(firstHealMs, { kind: 'heal' });
}

/** A session's own mailbox is full: the device that asks hears it at once, past the session. */
function giveBack(command: SessionCommand, why: GivenBack, userId: UserId, needs: SessionNeeds): void {
  switch (command.kind) {
    case 'fromDevice': {
      const { frame, connection } = command;
      const request = 'number' in frame ? frame.number : 'request' in frame ? frame.request : 0;
      needs.refused(why);
      needs.connections.send(connection, encodeFrame(refused(request, why, later(why))));
      return;
    }
    case 'attach':
      return needs.connections.close(command.connection, why === 'draining' ? 'draining' : 'internal');
    case 'full': // told later it could come after the `drained` that ends it, and last for ever: the device is told to resume instead, and a socket that is still full says so again
      return giveBack({ kind: 'drained', connection: command.connection }, why, userId, needs);
    case 'detach':
    case 'drained':
    case 'answer': // no more of them than requests in flight
    case 'large':
    case 'rejoin': // must not get lost: tried again until there is room
      if (why === 'busy') needs.clock.after(retryMs, () => void needs.entities.tellIfAwake('session', userId, command));
      return;
    case 'push':
    case 'notify':
    case 'heal': // what was left out stands in the logs: the devices are told to look once there is room
      if (why !== 'busy' || needs.overrun.has(userId)) return;
      needs.overrun.add(userId);
      needs.clock.after(retryMs, () => {
        needs.overrun.delete(userId);
        needs.entities.tellIfAwake('session', userId, { kind: 'heal' });
      });
      return;
    default:
      return;
  }
}
const retryMs = 250;
