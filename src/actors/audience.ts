// The actor of a large chat on this node: hands one encoded frame to all of its sockets.
import type { Router } from '../cluster/router.ts';
import { type AudienceCommand, type AudienceEffect, type AudienceState, emptyAudience, step } from '../core/audience.ts';
import type { ConnectionId } from '../core/session.ts';
import type { Clock } from '../structures/clock.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import { ToldAgain } from './audience-later.ts';
import type { ActorDefinition, Entities, Self } from './runtime/actor.ts';
import type { Connections } from './session.ts';

export interface AudienceNeeds {
  readonly router: Router;
  readonly connections: Connections;
  readonly entities: Entities;
  readonly clock: Clock;
}

interface Joined {
  readonly users: Set<UserId>;
  readonly sockets: Set<ConnectionId>;
}

interface Known extends AudienceNeeds {
  /** Who has joined and which sockets hear, per chat: outlives a crash of the entity, whose state forgets both. */
  readonly joined: Map<ChatId, Joined>;
}
type AudienceActor = ActorDefinition<ChatId, AudienceState, AudienceCommand, AudienceEffect, undefined>;

/** A chat that is busy or cannot read gives questions back: they are asked again after this long. */
const askAgainMs = 2_000;

export function audienceActor(needs: AudienceNeeds): AudienceActor {
  const known: Known = { ...needs, joined: new Map() };
  const { connections, entities, clock } = needs;
  const again = new ToldAgain(entities, clock);
  return {
    kind: 'audience',
    mailboxMax: 20_000,
    mailboxBytesMax: 32 * 1024 * 1024,
    batchMax: 512,
    batchBytesMax: 4 * 1024 * 1024,
    passivateAfterMs: 0,
    sizeOf: (command) => (command.kind === 'push' ? 128 + command.chatPush.push.bytes.byteLength : 128),
    load(id) {
      const former = known.joined.get(id);
      known.joined.delete(id);
      // It crashed: nobody hears the chat until the owner has said again who may.
      for (const connection of former?.sockets ?? []) connections.unsubscribe(connection, id);
      for (const userId of former?.users ?? []) entities.tellIfAwake('session', userId, { kind: 'rejoin', chatId: id });
      return { state: emptyAudience(id), context: undefined };
    },
    step(state, command) {
      if (command.kind === 'join') joinedOf(known.joined, state.chatId).users.add(command.userId); // before anything can crash on it
      return step(state, command);
    },
    isDurable: () => false,
    commit: () => undefined,
    perform: (effect, self) => perform(effect, self, known),
    giveBack: (command, why, chatId) => void ((why === 'busy' || why === 'internal') && again.givenBack(command, chatId)),
    readsOnly: () => false,
    passivate: (_state, { id }) => void known.joined.delete(id),
    isOver: ({ listeners }) => listeners.size === 0,
  };
}

function perform(effect: AudienceEffect, self: Self<ChatId, undefined>, { router, connections, entities, joined }: Known): void {
  const { id: chatId } = self;
  switch (effect.kind) {
    case 'publish':
      return connections.publish(chatId, effect.bytes, effect.except);
    case 'enroll':
      return router.tellChat(chatId, { kind: 'enroll', node: router.node, userIds: effect.userIds, upTo: effect.upTo });
    case 'repair':
      return router.tellChat(chatId, { kind: 'repair', node: router.node, after: effect.after, upTo: effect.upTo });
    case 'subscribe': {
      joinedOf(joined, chatId).users.add(effect.userId);
      joinedOf(joined, chatId).sockets.add(effect.connection);
      connections.subscribe(effect.connection, chatId);
      // Between its resume and now entries may have passed it by: the head shows them.
      const frame = { kind: 'moved', request: 0, rows: [{ chatId, head: effect.head, read: 0, receiptsVersion: 0 }], last: true } as const;
      return void entities.tellIfAwake('session', effect.userId, { kind: 'tellDevice', deviceId: effect.deviceId, frame });
    }
    case 'unsubscribe':
      joinedOf(joined, chatId).sockets.delete(effect.connection);
      return connections.unsubscribe(effect.connection, chatId);
    case 'alarm':
      return self.after(askAgainMs, { kind: 'again' });
  }
}

function joinedOf(joined: Map<ChatId, Joined>, chatId: ChatId): Joined {
  const known = joined.get(chatId) ?? { users: new Set(), sockets: new Set() };
  joined.set(chatId, known);
  return known;
}
