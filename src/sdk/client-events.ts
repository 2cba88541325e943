// What a client needs, and what it tells its program.
import type { Welcome } from '../protocol/connection.ts';
import type { Entry } from '../protocol/messages.ts';
import type { Receipt } from '../protocol/receipts.ts';
import type { Clock, Random } from '../structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { Message } from './chat.ts';
import type { DownWhy, StopWhy } from './connection.ts';
import type { Refused } from './faults.ts';
import type { SentItem } from './outbox.ts';
import type { Policy } from './policy.ts';
import type { UserPresence, UserTyping } from './presence.ts';
import type { DeviceStorage, Kept, OutboxItem } from './storage.ts';
import type { Dial } from './wire.ts';

export interface ClientNeeds {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  /** Open, with what opening it has brought. */
  readonly storage: DeviceStorage;
  readonly kept: Kept;
  /** Rejects with LoggedOut when there is none to be had any more; with anything else: try again later. `fresh`: the last one was not accepted. */
  readonly accessToken: (fresh: boolean) => Promise<string>;
  /** Name and version of the program, for the operator's eyes. */
  readonly program?: string;
  readonly policy?: Partial<Policy>;
}

export interface ClientEvents {
  /** A line of a log, this device's own ones too: in order, once per (chat, seq), after it is kept. */
  entry: Entry;
  /** A message of somebody else. */
  message: Message;
  /** Something stands in the outbox. */
  pending: OutboxItem;
  /** It is durable on the server. */
  sent: SentItem;
  /** It never will be. */
  refused: { readonly item: OutboxItem; readonly refused: Refused };
  receipt: Pick<Receipt, 'chatId' | 'userId' | 'delivered' | 'read'>;
  typing: UserTyping;
  presence: UserPresence;
  /** What a list of chats shows of this one has changed. */
  chat: ChatId;
  connected: Welcome;
  disconnected: { readonly why: DownWhy; readonly retryInMs: number };
  /** Everything that was missed is here. */
  synced: undefined;
  /** The server's store was restored from a backup: what is kept here of the logs is gone and comes anew. */
  reset: undefined;
  /** The client does not connect any more by itself. */
  stopped: StopWhy;
  /** This device's log-in is good no more. Comes with `stopped`. */
  loggedOut: undefined;
  /** The storage failed: the client has stopped, to be opened anew when that is mended. */
  failed: { readonly error: unknown };
}
