// Snapshots in the embedded store: one row a chat.
import type { ChatId } from '../structures/ids.ts';
import type { ChatStore } from './chats.ts';
import type { Committer } from './committer.level.ts';
import { StoreRefused } from './faults.ts';
import type { Group } from './group.level.ts';
import type { Home } from './home.level.ts';
import { afterNumber, readNumber, snapshotKey, writeNumber } from './keys.level.ts';

const snapshotBytesMax = 8 * 1024 * 1024;

export function levelChats(home: Home, committer: Committer): ChatStore {
  /** The seqs of snapshots that are being written: the database does not tell of them yet. */
  const underWay = new Map<ChatId, { readonly seq: number; readonly group: Group }>();
  return {
    async snapshot(chatId) {
      const row = await home.read((database) => database.get(snapshotKey(chatId)));
      return row && { seq: readNumber(row, 0), bytes: afterNumber(row) };
    },

    async keepSnapshot(chatId, { seq, bytes }) {
      if (bytes.byteLength > snapshotBytesMax) throw new StoreRefused(`a snapshot holds at most ${snapshotBytesMax} bytes, not ${bytes.byteLength}`);
      const key = snapshotKey(chatId);
      const group = committer.gather();
      if ((underWay.get(chatId)?.seq ?? heldSeq(home, key)) <= seq) {
        const value = Buffer.allocUnsafe(8 + bytes.byteLength);
        writeNumber(value, seq, 0);
        value.set(bytes, 8);
        group.put(key, value);
        underWay.set(chatId, { seq, group });
      }
      try {
        await group.applied;
      } finally {
        if (underWay.get(chatId)?.group === group) underWay.delete(chatId);
      }
    },
  };
}

function heldSeq(home: Home, key: Buffer): number {
  const row = home.database.getSync(key);
  return row === undefined ? 0 : readNumber(row, 0);
}
