// Watermarks in the embedded store: a row a chat and user, and the version of each chat's.
import type { UserId } from '../structures/ids.ts';
import type { Committer } from './committer.level.ts';
import type { Home } from './home.level.ts';
import { lastId, numberBytes, readNumber, receiptKey, receiptPrefix, receiptsVersionKey, within } from './keys.level.ts';
import type { ReceiptStore } from './receipts.ts';

export function levelReceipts(home: Home, committer: Committer): ReceiptStore {
  return {
    async list(chatId) {
      await committer.applied();
      const rows = await home.read((database) => database.iterator({ ...within(receiptPrefix(chatId)), highWaterMarkBytes: 256 * 1024 }).all());
      return rows.map(([key, value]) => ({ userId: lastId(key) as UserId, delivered: readNumber(value, 0), read: readNumber(value, 8) }));
    },

    async raise(chatId, rows, version) {
      const group = committer.gather();
      for (const { userId, delivered, read } of rows) {
        const key = receiptKey(chatId, userId);
        const held = committer.look(key);
        const heldDelivered = held === undefined ? 0 : readNumber(held, 0);
        const heldRead = held === undefined ? 0 : readNumber(held, 8);
        if (held === undefined || delivered > heldDelivered || read > heldRead)
          committer.keep(group, key, numberBytes(Math.max(delivered, heldDelivered), Math.max(read, heldRead)));
      }
      const versionKey = receiptsVersionKey(chatId);
      const held = committer.look(versionKey);
      if (held === undefined || version > readNumber(held, 0)) committer.keep(group, versionKey, numberBytes(version));
      await group.durable; // whoever reads them waits until they can be
    },
  };
}
