// How nodes reach each other. Contract: what is sent to one address arrives in order, or not at all; then `lost` is called, and who listens resyncs.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { ToChatAudiences, ToNode, ToUser } from './envelope.ts';

export interface Link {
  /** This node's id. */
  readonly node: string;
  /** Whether a message may get lost without anybody's fault: then sessions heal from time to time. */
  readonly mayLose: boolean;
  toNode(node: string, envelope: ToNode): void;
  /** To every node on which that user is connected. */
  toUser(userId: UserId, envelope: ToUser): void;
  /** To every node that has an audience of that chat. */
  toChat(chatId: ChatId, envelope: ToChatAudiences): void;
}

/** Where what arrives goes: the router. */
export interface Receiver {
  fromNode(envelope: ToNode): void;
  forUser(userId: UserId, envelope: ToUser): void;
  forChat(chatId: ChatId, envelope: ToChatAudiences): void;
}
