// What nodes say to each other: plain data. In one process the objects themselves pass; between processes their encoding is versioned.
import type { AudienceCommand, ChatPush } from '../core/audience.ts';
import type { ChatCommand } from '../core/chat.ts';
import type { Push } from '../core/session.ts';
import type { ToDevice } from '../protocol/codec.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';

/** On `node.<id>`: commands to a chat's owner, answers to a device's node. */
export type ToNode =
  | { readonly kind: 'toChat'; readonly chatId: ChatId; readonly command: ChatCommand }
  | { readonly kind: 'answer'; readonly userId: UserId; readonly deviceId: DeviceId; readonly frame: ToDevice; readonly last: boolean }
  | { readonly kind: 'toAudience'; readonly chatId: ChatId; readonly command: AudienceCommand };

/** On `user.<id>`: what a user's sessions should hear. */
export type ToUser = { readonly kind: 'push'; readonly push: Push } | { readonly kind: 'notify'; readonly frame: ToDevice; readonly except: DeviceId | null };

/** On `chat.<id>`: entries for the audiences of a large chat. */
export type ToChatAudiences = ChatPush;
