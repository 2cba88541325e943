// How nodes reach each other. Contract (test/cluster/link.contract.ts): what one node sends to one address arrives in order, once or again after a reconnect,
// or not at all; then `lost` is called, and who listens resyncs.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from './envelope.ts';

export interface Link {
  /** This node's id. */
  readonly node: string;
  /** Whether a message may get lost without anybody's fault: then sessions heal from time to time. */
  readonly mayLose: boolean;
  /** What is for this very node, or for users and chats on it, is handed to its receiver within the call. */
  toNode(node: string, envelope: ToNode): void;
  /** To every node on which that user is connected. */
  toUser(userId: UserId, envelope: ToUser): void;
  /** To every node that has an audience of that chat. */
  toChat(chatId: ChatId, envelope: ToChatAudiences): void;
  /** To every node on which somebody watches that user. */
  toWatchers(userId: UserId, envelope: ToWatchers): void;
  /** To every other node, unless this one is cut off: then to nobody. */
  toAll(envelope: ToAll): void;
  /** This node wants what others send to that user. Whatever it sends after that call stands behind the wish. Saying it twice changes nothing. */
  subscribeUser(userId: UserId): void;
  unsubscribeUser(userId: UserId): void;
  subscribeChat(chatId: ChatId): void;
  unsubscribeChat(chatId: ChatId): void;
  /** The same for what nodes say of that user's coming and going. */
  subscribePresence(userId: UserId): void;
  unsubscribePresence(userId: UserId): void;
  /** Resolves when everything said so far has reached the place from which it spreads. Rejects while this node is cut off. */
  flush(): Promise<void>;
  /** Hears what is under way, says what is left to say, ends. What is sent afterwards reaches this node alone. */
  close(): Promise<void>;
}

/** Where what arrives goes: the router. */
export interface Receiver {
  fromNode(envelope: ToNode): void;
  forUser(userId: UserId, envelope: ToUser): void;
  forChat(chatId: ChatId, envelope: ToChatAudiences): void;
  forWatchers(userId: UserId, envelope: ToWatchers): void;
}

/**
 * Why messages to this node may be missing: it was cut off; one from a node is missing between two that came; a node had no room for all that it had to send;
 * bytes came that cannot be read.
 */
export type LostWhy = 'reconnected' | 'gap' | 'leftOut' | 'unreadable';

/** What else a link that may lose has to tell: membership and whoever has sessions resync. */
export interface LinkEvents {
  fromAll(envelope: ToAll): void;
  /** Whether this node can reach the others, at each change. */
  linked(isUp: boolean): void;
  /** Comes a random moment after the loss, and once for many: not all nodes resync in one instant. */
  lost(why: LostWhy): void;
}

/** The way to the others is cut: what was asked for did not happen. */
export class LinkDown extends Error {}
