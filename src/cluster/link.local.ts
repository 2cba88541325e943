// The link of a node that is alone: what it sends, it receives, in order, at once. Nothing is ever lost, and there is nobody else to hear of.
import type { Link, Receiver } from './link.ts';

export function localLink(node: string, receiver: Receiver): Link {
  const nothing = (): void => undefined;
  return {
    node,
    mayLose: false,
    toNode: (_, envelope) => receiver.fromNode(envelope),
    toUser: (userId, envelope) => receiver.forUser(userId, envelope),
    toChat: (chatId, envelope) => receiver.forChat(chatId, envelope),
    toWatchers: (userId, envelope) => receiver.forWatchers(userId, envelope),
    toAll: nothing,
    subscribeUser: nothing,
    unsubscribeUser: nothing,
    subscribeChat: nothing,
    unsubscribeChat: nothing,
    subscribePresence: nothing,
    unsubscribePresence: nothing,
    flush: async () => undefined,
    close: async () => undefined,
  };
}
