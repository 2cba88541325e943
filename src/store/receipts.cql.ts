// Watermarks on CQL: a partition a chat, every cell merged by max with its value as its timestamp. The version goes into the inboxes of a small chat's members.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Followers } from './followers.cql.ts';
import { chunksOf } from './inbox.cql.ts';
import type { ReceiptRow, ReceiptStore } from './receipts.ts';
import type { CqlSession, Statement } from './session.cql.ts';

/** Rows of one partition in one batch. */
const rowsAtOnce = 64;

export interface ReceiptNeeds {
  readonly session: CqlSession;
  readonly followers: Followers;
  readonly incarnation: string;
}

export function cqlReceipts({ session, followers, incarnation }: ReceiptNeeds): ReceiptStore {
  const receipts = `${session.keyspace}.receipts`;
  const inbox = `${session.keyspace}.inbox`;
  const row = 'WHERE chat_id = ? AND user_id = ?';
  const inboxRow = 'WHERE user_id = ? AND incarnation = ? AND chat_id = ?';
  const texts = {
    delivered: `UPDATE ${receipts} USING TIMESTAMP ? SET delivered = ? ${row}`,
    read: `UPDATE ${receipts} USING TIMESTAMP ? SET read = ? ${row}`,
    version: `UPDATE ${inbox} USING TIMESTAMP ? SET receipts_version = ? ${inboxRow}`,
    ownRead: `UPDATE ${inbox} USING TIMESTAMP ? SET read = ? ${inboxRow}`,
  };

  const marks = (chatId: ChatId, { userId, delivered, read }: ReceiptRow): readonly Statement[] => [
    { query: texts.delivered, params: [delivered, delivered, chatId, userId] },
    ...(read > 0 ? [{ query: texts.read, params: [read, read, chatId, userId] }] : []),
  ];

  const show = (userId: UserId, chatId: ChatId, version: number, read: number): Promise<void> => {
    const key = [userId, incarnation, chatId];
    const statements = [{ query: texts.version, params: [version, version, ...key] }];
    if (read > 0) statements.push({ query: texts.ownRead, params: [read, read, ...key] });
    return session.writeAll(statements);
  };

  return {
    async list(chatId) {
      const rows = await followers.read(chatId);
      return rows.flatMap((found) =>
        found['delivered'] === null ? [] : [{ userId: found['user_id'] as UserId, delivered: Number(found['delivered']), read: Number(found['read'] ?? 0) }],
      );
    },

    async raise(chatId, rows, version) {
      const own = new Map(rows.map(({ userId, read }) => [userId, read]));
      const showing = followers.membersOf(chatId).then(async (members) => {
        for (const some of chunksOf([...new Set([...own.keys(), ...members])], rowsAtOnce))
          await Promise.all(some.map((userId) => show(userId, chatId, version, own.get(userId) ?? 0)));
      });
      const marking = Promise.all(chunksOf(rows, rowsAtOnce).map((some) => session.writeAll(some.flatMap((one) => marks(chatId, one)))));
      await Promise.all([showing, marking]);
    },
  };
}
