// Snapshots on the simulator's disk.
import type { ChatStore } from './chats.ts';
import type { MemoryAccess } from './disk.memory.ts';

export function memoryChats(access: MemoryAccess): ChatStore {
  const { snapshots } = access.disk;
  return {
    snapshot: (chatId) => access.read('chats.snapshot', () => snapshots.get(chatId)),
    keepSnapshot: (chatId, snapshot) =>
      access.write('chats.keepSnapshot', () => {
        if ((snapshots.get(chatId)?.seq ?? 0) <= snapshot.seq) snapshots.set(chatId, snapshot);
      }),
  };
}
