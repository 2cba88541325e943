// Which chats a user is in, on CQL: one partition a user and incarnation. Every cell is merged by max, with its value as its timestamp, so rows are written without a condition, twice or late.
// In that table never a DELETE, a TTL, a null or a clock's timestamp: one would hide what has small timestamps, for ever.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Followed, Followers } from './followers.cql.ts';
import type { Inbox, InboxChange, InboxRow } from './inbox.ts';
import type { Logs } from './logs.cql.ts';
import type { CqlSession, Row, Statement } from './session.cql.ts';

/** Users whose rows are written at one time for one call; statements of one partition in one batch. */
const atOnce = 64;

export interface InboxNeeds {
  readonly session: CqlSession;
  readonly logs: Logs;
  readonly followers: Followers;
  readonly incarnation: string;
}

export function cqlInbox({ session, logs, followers, incarnation }: InboxNeeds): Inbox {
  const table = `${session.keyspace}.inbox`;
  const key = 'WHERE user_id = ? AND incarnation = ? AND chat_id = ?';
  const texts = {
    all: `SELECT * FROM ${table} WHERE user_id = ? AND incarnation = ?`,
    one: `SELECT head, announced, announced_head, settled FROM ${table} ${key}`,
    announce: `UPDATE ${table} USING TIMESTAMP ? SET announced = ?, announced_head = ? ${key}`,
    head: `UPDATE ${table} USING TIMESTAMP ? SET head = ?, member = ? ${key}`,
    large: `UPDATE ${table} USING TIMESTAMP 1 SET large = true ${key}`,
    settle: `UPDATE ${table} USING TIMESTAMP ? SET settled = ? ${key}`,
    bucket: `UPDATE ${table} USING TIMESTAMP ? SET bucket = ? ${key}`,
  };
  const keyOf = (userId: UserId, chatId: ChatId) => [userId, incarnation, chatId];

  /** How many announcements of that row `head` settles; 0: none that there are. */
  const settles = async (followed: Followed, userId: UserId, chatId: ChatId, head: number): Promise<number> => {
    if (followed.confirmed.has(userId)) return 0;
    const own = followed.announced.get(userId);
    if (own !== undefined) return head >= own.head ? own.count : 0;
    const row = await session.one(texts.one, keyOf(userId, chatId));
    const count = Number(row?.['announced'] ?? 0);
    if (count > Number(row?.['settled'] ?? 0)) return head >= Number(row?.['announced_head']) ? count : 0;
    if (!followed.large) followed.confirmed.add(userId);
    return 0;
  };

  const announceOne = async (followed: Followed, userId: UserId, chatId: ChatId): Promise<Statement> => {
    followed.confirmed.delete(userId);
    const row = await session.one(texts.one, keyOf(userId, chatId));
    const announced = { count: Number(row?.['announced'] ?? 0) + 1, head: Number(row?.['head'] ?? 0) };
    await session.write(texts.announce, [announced.count, announced.count, announced.head, ...keyOf(userId, chatId)]);
    followed.announced.set(userId, announced);
    return followers.membership(chatId, userId, true, announced.head);
  };

  /** What changed of one row, all at once; and what the chat itself is to know of it. */
  const raiseOne = async (followed: Followed, changes: readonly InboxChange[]): Promise<readonly Statement[]> => {
    const newest = changes.reduce((one, other) => (other.head >= one.head ? other : one));
    const { userId, chatId, head, member } = newest;
    const large = changes.some((change) => change.large);
    const statements = changes.map((change) => ({ query: texts.head, params: [change.head, change.head, change.member, ...keyOf(userId, chatId)] }));
    if (large) statements.push({ query: texts.large, params: keyOf(userId, chatId) });
    const settled = await settles(followed, userId, chatId, head);
    if (settled > 0) statements.push({ query: texts.settle, params: [settled, settled, ...keyOf(userId, chatId)] });
    await session.writeAll(statements);
    if (settled > 0 && followed.announced.get(userId)?.count === settled) followed.announced.delete(userId);
    if (settled > 0 && !large) followed.confirmed.add(userId);
    if (followed.large) return [];
    return followed.members.get(userId) === member ? [] : [followers.membership(chatId, userId, member, head)];
  };

  /** Of a large chat the log says how far it is. The row keeps a bucket from which to look, so that this is one read as a rule. */
  const headOf = async (userId: UserId, row: InboxRow, known: number | null): Promise<InboxRow> => {
    const { bucket, lastSeq } = await logs.newestFrom(row.chatId, known, row.head);
    if (bucket > (known ?? 0)) void session.write(texts.bucket, [bucket, bucket, ...keyOf(userId, row.chatId)]).catch(() => undefined); // the next reader looks from further back
    return { ...row, head: Math.max(row.head, lastSeq) };
  };

  return {
    wantsEveryHead: true,

    async rows(userId) {
      const found = (await session.read(texts.all, [userId, incarnation], { bytes: 64 * 1024 })).filter((row) => row['head'] !== null || row['announced'] !== null);
      return Promise.all(
        found.map((row) => {
          const shown = rowIn(row);
          return shown.large && shown.member && shown.confirmed ? headOf(userId, shown, row['bucket']) : shown;
        }),
      );
    },

    async announce(chatId, userIds) {
      const followed = followers.of(chatId);
      for (const some of chunksOf(userIds, atOnce)) {
        await session.writeAll(await Promise.all(some.map((userId) => announceOne(followed, userId, chatId))));
        if (!followed.large) for (const userId of some) followed.members.set(userId, true);
      }
    },

    async raise(changes) {
      await Promise.all(
        [...byChat(changes)].map(async ([chatId, rows]) => {
          const followed = followers.of(chatId);
          const grows = !followed.large && changes.some((change) => change.chatId === chatId && change.large);
          for (const some of chunksOf([...rows.values()], atOnce)) {
            const memberships = (await Promise.all(some.map((own) => raiseOne(followed, own)))).flat();
            await session.writeAll(memberships);
            for (const { params } of memberships) followed.members.set(params[3] as UserId, params[1] as boolean);
          }
          if (!grows) return;
          await session.writeAll([followers.largeness(chatId)]);
          followers.grow(followed);
        }),
      );
    },
  };
}

function rowIn(row: Row): InboxRow {
  return {
    chatId: row['chat_id'] as ChatId,
    head: Number(row['head'] ?? 0),
    confirmed: Number(row['settled'] ?? 0) >= Number(row['announced'] ?? 0),
    member: row['member'] ?? false,
    large: row['large'] ?? false,
    receiptsVersion: Number(row['receipts_version'] ?? 0),
    read: Number(row['read'] ?? 0),
  };
}

/** Chat → user → what changes there. */
function byChat(changes: readonly InboxChange[]): ReadonlyMap<ChatId, ReadonlyMap<UserId, InboxChange[]>> {
  const chats = new Map<ChatId, Map<UserId, InboxChange[]>>();
  for (const change of changes) {
    const users = chats.get(change.chatId) ?? new Map<UserId, InboxChange[]>();
    chats.set(change.chatId, users);
    const own = users.get(change.userId);
    if (own === undefined) users.set(change.userId, [change]);
    else own.push(change);
  }
  return chats;
}

export function chunksOf<Value>(values: readonly Value[], size: number): readonly (readonly Value[])[] {
  const chunks: (readonly Value[])[] = [];
  for (let at = 0; at < values.length; at += size) chunks.push(values.slice(at, at + size));
  return chunks;
}
