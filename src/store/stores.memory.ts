// All stores on the simulator's disk, as one process sees them.
import { memoryChats } from './chats.memory.ts';
import { memoryDevices } from './devices.memory.ts';
import { MemoryAccess, type MemoryDisk, type MemoryOptions } from './disk.memory.ts';
import { memoryInbox } from './inbox.memory.ts';
import { memoryMessages } from './messages.memory.ts';
import { memoryPresence } from './presence.memory.ts';
import { memoryReceipts } from './receipts.memory.ts';
import type { Stores } from './stores.ts';
import { memoryTokens } from './tokens.memory.ts';
import { memoryUsers } from './users.memory.ts';

export type { AppendFault, Delay, MemoryDisk, MemoryFaults, MemoryOptions, Operation, ReadFault, WriteFault } from './disk.memory.ts';
export { memoryDisk } from './disk.memory.ts';

export interface MemoryStores extends Stores {
  readonly disk: MemoryDisk;
  /**
   * The process dies: what has not reached the disk vanishes, what was acknowledged stays, and no promise of these stores settles any more.
   * Open others on the same disk to go on.
   */
  crash(): void;
}

/** Several may be open on one disk at once, as nodes of a cluster are on one store. */
export function memoryStores(options: MemoryOptions = {}): MemoryStores {
  const access = new MemoryAccess(options);
  return {
    messages: memoryMessages(access),
    chats: memoryChats(access),
    inbox: memoryInbox(access, options.wantsEveryHead, options.isSole),
    receipts: memoryReceipts(access),
    users: memoryUsers(access),
    devices: memoryDevices(access),
    tokens: memoryTokens(access, options.storeNowMs ?? (() => options.clock?.nowMs() ?? 0)),
    presence: memoryPresence(),
    incarnation: access.disk.incarnation,
    disk: access.disk,
    trouble: () => access.trouble(),
    crash: () => access.crash(),
    close: () => access.close(),
  };
}
