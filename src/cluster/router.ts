// Who gets what: commands to a chat's owner, answers to a device's node, pushes to whoever is there.
import type { AudienceCommand } from '../core/audience.ts';
import type { ChatCommand } from '../core/chat.ts';
import type { Push } from '../core/session.ts';
import type { Origin } from '../core/step.ts';
import type { ToDevice } from '../protocol/codec.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { ToChatAudiences } from './envelope.ts';
import type { Link, Receiver } from './link.ts';

/** What the router needs of the node's actors. The kernel fulfils it. */
export interface LocalEntities {
  tell(kind: string, id: string, command: unknown): void;
  tellIfAwake(kind: string, id: string, command: unknown): boolean;
}

export interface Router {
  readonly node: string;
  readonly mayLose: boolean;
  tellChat(chatId: ChatId, command: ChatCommand): void;
  /** `last`: the request is answered by this. */
  answer(to: Origin, frame: ToDevice, last: boolean): void;
  tellAudience(node: string, chatId: ChatId, command: AudienceCommand): void;
  pushToUser(userId: UserId, push: Push): void;
  notifyUser(userId: UserId, frame: ToDevice, except: DeviceId | null): void;
  pushToAudiences(chatId: ChatId, chatPush: ToChatAudiences): void;
}

/** `ownerOf`: which node should own a chat. A hint: the store judges. */
export function createRouter(entities: LocalEntities, ownerOf: (chatId: ChatId) => string, linkTo: (receiver: Receiver) => Link): Router {
  const link = linkTo(receiverOf(entities));
  return {
    node: link.node,
    mayLose: link.mayLose,
    tellChat: (chatId, command) => link.toNode(ownerOf(chatId), { kind: 'toChat', chatId, forwarded: false, command }),
    answer: ({ node, userId, deviceId }, frame, last) => link.toNode(node, { kind: 'answer', userId, deviceId, frame, last }),
    tellAudience: (node, chatId, command) => link.toNode(node, { kind: 'toAudience', chatId, command }),
    pushToUser: (userId, push) => link.toUser(userId, { kind: 'push', push }),
    notifyUser: (userId, frame, except) => link.toUser(userId, { kind: 'notify', frame, except }),
    pushToAudiences: (chatId, chatPush) => link.toChat(chatId, chatPush),
  };
}

function receiverOf(entities: LocalEntities): Receiver {
  return {
    fromNode(envelope) {
      switch (envelope.kind) {
        case 'toChat':
          return entities.tell('chat', envelope.chatId, envelope.command);
        case 'answer':
          entities.tellIfAwake('session', envelope.userId, envelope);
          return;
        case 'toAudience':
          entities.tellIfAwake('audience', envelope.chatId, envelope.command);
          return;
      }
    },
    forUser: (userId, envelope) => void entities.tellIfAwake('session', userId, envelope),
    forChat: (chatId, chatPush) => void entities.tellIfAwake('audience', chatId, { kind: 'push', chatPush }),
  };
}
