// Watermarks on the simulator's disk.
import type { MemoryAccess } from './disk.memory.ts';
import type { ReceiptStore } from './receipts.ts';

export function memoryReceipts(access: MemoryAccess): ReceiptStore {
  const { receipts } = access.disk;
  return {
    list: (chatId) => access.read('receipts.list', () => [...(receipts.get(chatId)?.rows.values() ?? [])]),
    raise: (chatId, raised, version) =>
      access.write('receipts.raise', () => {
        const chat = receipts.get(chatId) ?? { version: 0, rows: new Map() };
        receipts.set(chatId, chat);
        chat.version = Math.max(chat.version, version);
        for (const { userId, delivered, read } of raised) {
          const row = chat.rows.get(userId);
          chat.rows.set(userId, { userId, delivered: Math.max(delivered, row?.delivered ?? 0), read: Math.max(read, row?.read ?? 0) });
        }
      }),
  };
}
