// One store of each kind, opened and closed together, with the identity of their common history.
import type { ChatStore } from './chats.ts';
import type { DeviceStore } from './devices.ts';
import type { Inbox } from './inbox.ts';
import type { MessageStore } from './messages.ts';
import type { PresenceStore } from './presence.ts';
import type { ReceiptStore } from './receipts.ts';
import type { TokenStore } from './tokens.ts';
import type { UserStore } from './users.ts';

export interface Stores {
  readonly messages: MessageStore;
  readonly chats: ChatStore;
  readonly inbox: Inbox;
  readonly receipts: ReceiptStore;
  readonly users: UserStore;
  readonly devices: DeviceStore;
  readonly tokens: TokenStore;
  readonly presence: PresenceStore;
  /** Changes when a backup is restored: seqs may then be given anew, so devices pull afresh. */
  readonly incarnation: string;
  /** Undefined while all is well; else why writes are refused. For readiness. */
  trouble(): string | undefined;
  /** What is under way is finished first. */
  close(): Promise<void>;
}
