// What nodes say to each other: plain data. In one process the objects themselves pass; between processes envelope-codec.ts makes versioned bytes of them.
import type { AudienceCommand, ChatPush } from '../core/audience.ts';
import type { ChatCommand } from '../core/chat.ts';
import type { Push } from '../core/session.ts';
import type { ToDevice } from '../protocol/codec.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';

/** On `node.<id>`: commands to a chat's owner, answers to a device's node. */
export type ToNode =
  /** `forwarded`: by a node to which it had come by an older view. Whoever gets it serves it. */
  | { readonly kind: 'toChat'; readonly chatId: ChatId; readonly forwarded: boolean; readonly command: ChatCommand }
  | { readonly kind: 'answer'; readonly userId: UserId; readonly deviceId: DeviceId; readonly frame: ToDevice; readonly last: boolean }
  | { readonly kind: 'toAudience'; readonly chatId: ChatId; readonly command: AudienceCommand };

/** On `user.<id>`: what a user's sessions should hear. */
export type ToUser =
  | { readonly kind: 'push'; readonly push: Push }
  | { readonly kind: 'notify'; readonly frame: ToDevice; readonly except: DeviceId | null }
  /** The device was logged out, wherever it is connected. */
  | { readonly kind: 'revoke'; readonly deviceId: DeviceId };

/** On `presence.<id>`: for the nodes on which somebody watches that user. */
export type ToWatchers = {
  readonly kind: 'seen';
  /** Who says it. */
  readonly node: string;
  /** The user has come to that node, or has left it; when, by its clock. */
  readonly online: boolean;
  readonly atMs: number;
};

/** On `chat.<id>`: entries for the audiences of a large chat. */
export type ToChatAudiences = ChatPush;

/** On `nodes`, which every node hears. Never kept and never sent again: an old one would mislead. */
export type ToAll =
  | {
      readonly kind: 'heartbeat';
      readonly node: string;
      /** Drawn by each process at its start: two with one node id are told apart by it. */
      readonly life: number;
      /** Rising by one from heartbeat to heartbeat. */
      readonly number: number;
      /** Which kinds of entries and envelopes the node can read. */
      readonly level: number;
      readonly state: 'up' | 'draining' | 'leaving';
      readonly sessions: number;
      readonly chats: number;
      /** Where devices reach the node's sockets; null: all nodes by one address, or not known. */
      readonly url: string | null;
    }
  /** That node had no room for all that it had to send: whoever hears this has perhaps missed some of it. */
  | { readonly kind: 'leftOut'; readonly node: string }
  /** An operator wants that node to go: it does as on SIGTERM. */
  | { readonly kind: 'drain'; readonly node: string };
