// The link of a node that is alone: what it sends, it receives, in order, at once. Nothing is ever lost.
import type { Link, Receiver } from './link.ts';

export function localLink(node: string, receiver: Receiver): Link {
  return {
    node,
    mayLose: false,
    toNode: (_, envelope) => receiver.fromNode(envelope),
    toUser: (userId, envelope) => receiver.forUser(userId, envelope),
    toChat: (chatId, envelope) => receiver.forChat(chatId, envelope),
  };
}
