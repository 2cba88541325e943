// All contracts of one implementation of the stores.
import { chatStoreContract } from './chats.contract.ts';
import { deviceStoreContract } from './devices.contract.ts';
import { inboxContract } from './inbox.contract.ts';
import { messageStoreContract } from './messages.contract.ts';
import { presenceStoreContract } from './presence.contract.ts';
import { receiptStoreContract } from './receipts.contract.ts';
import type { OpenStores } from './samples.ts';
import { tokenStoreContract } from './tokens.contract.ts';
import { userStoreContract } from './users.contract.ts';

export function storesContract(name: string, open: OpenStores): void {
  messageStoreContract(name, open);
  chatStoreContract(name, open);
  inboxContract(name, open);
  receiptStoreContract(name, open);
  userStoreContract(name, open);
  deviceStoreContract(name, open);
  tokenStoreContract(name, open);
  presenceStoreContract(name, open);
}
