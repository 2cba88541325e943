// Snapshots of large folds on CQL: pages under an id of their own, and one cell that says which is the newest. It is merged by max of the seq.
import { randomBytes } from 'node:crypto';
import { types } from 'cassandra-driver';
import type { ChatId } from '../structures/ids.ts';
import type { ChatStore, Snapshot } from './chats.ts';
import { StoreRefused } from './faults.ts';
import { bufferOf } from './logs.cql.ts';
import type { CqlSession } from './session.cql.ts';

const snapshotBytesMax = 8 * 1024 * 1024;
const pageBytes = 128 * 1024;
const readsMax = 4;

interface Newest {
  readonly seq: number;
  readonly id: string;
  readonly pages: number;
}

export function cqlChats(session: CqlSession): ChatStore {
  const { keyspace } = session;
  const newestOf = async (chatId: ChatId): Promise<Newest | undefined> => {
    const tuple: types.Tuple | null | undefined = (await session.one(`SELECT snapshot FROM ${keyspace}.chats WHERE chat_id = ?`, [chatId]))?.['snapshot'];
    return tuple ? { seq: Number(tuple.get(0)), id: tuple.get(1), pages: tuple.get(2) } : undefined;
  };
  const pagesOf = (chatId: ChatId, id: string) => session.read(`SELECT page, bytes FROM ${keyspace}.snapshot_pages WHERE chat_id = ? AND id = ?`, [chatId, id], { fetchSize: 16 });
  // Written and removed once, so any two timestamps will do that have this order.
  const writePage = (chatId: ChatId, id: string, page: number, bytes: Buffer) =>
    session.write(`INSERT INTO ${keyspace}.snapshot_pages (chat_id, id, page, bytes) VALUES (?, ?, ?, ?) USING TIMESTAMP 1`, [chatId, id, page, bytes]);
  const removePages = (chatId: ChatId, id: string) => session.write(`DELETE FROM ${keyspace}.snapshot_pages USING TIMESTAMP 2 WHERE chat_id = ? AND id = ?`, [chatId, id]);

  return {
    async snapshot(chatId): Promise<Snapshot | undefined> {
      for (let reads = 0; reads < readsMax; reads += 1) {
        const newest = await newestOf(chatId);
        if (newest === undefined) return undefined;
        const pages = await pagesOf(chatId, newest.id);
        if (pages.length === newest.pages) return { seq: newest.seq, bytes: new Uint8Array(Buffer.concat(pages.map((row) => row['bytes']))) };
      } // a newer one has come and its pages have gone, each time: without a snapshot the log is replayed
      return undefined;
    },

    async keepSnapshot(chatId, { seq, bytes }) {
      if (bytes.byteLength > snapshotBytesMax) throw new StoreRefused(`a snapshot holds at most ${snapshotBytesMax} bytes, not ${bytes.byteLength}`);
      const older = await newestOf(chatId);
      if (older !== undefined && older.seq > seq) return;
      const id = randomBytes(9).toString('base64url');
      const pages = Math.max(1, Math.ceil(bytes.byteLength / pageBytes));
      for (let page = 0; page < pages; page += 1) await writePage(chatId, id, page, bufferOf(bytes.subarray(page * pageBytes, (page + 1) * pageBytes)));
      const cell = new types.Tuple(types.Long.fromNumber(seq), id, pages);
      await session.write(`UPDATE ${keyspace}.chats USING TIMESTAMP ? SET snapshot = ? WHERE chat_id = ?`, [seq, cell, chatId]);
      const newest = await newestOf(chatId);
      if (newest?.id !== id)
        await removePages(chatId, id); // another one won
      else if (older !== undefined) await removePages(chatId, older.id);
    },
  };
}
