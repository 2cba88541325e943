// Snapshots in the embedded store: one row a chat.
import type { ChatStore } from './chats.ts';
import type { Committer } from './committer.level.ts';
import { StoreRefused } from './faults.ts';
import type { Home } from './home.level.ts';
import { afterNumber, readNumber, snapshotKey, writeNumber } from './keys.level.ts';

const snapshotBytesMax = 8 * 1024 * 1024;

export function levelChats(home: Home, committer: Committer): ChatStore {
  return {
    async snapshot(chatId) {
      const row = await home.read((database) => database.get(snapshotKey(chatId)));
      return row && { seq: readNumber(row, 0), bytes: afterNumber(row) };
    },

    async keepSnapshot(chatId, { seq, bytes }) {
      if (bytes.byteLength > snapshotBytesMax) throw new StoreRefused(`a snapshot holds at most ${snapshotBytesMax} bytes, not ${bytes.byteLength}`);
      const key = snapshotKey(chatId);
      const group = committer.gather();
      const held = committer.look(key);
      if (held === undefined || readNumber(held, 0) <= seq) {
        const value = Buffer.allocUnsafe(8 + bytes.byteLength);
        writeNumber(value, seq, 0);
        value.set(bytes, 8);
        committer.keep(group, key, value);
      }
      await group.durable;
    },
  };
}
