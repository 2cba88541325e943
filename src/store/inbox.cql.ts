// Which chats a user is in, on CQL: whom an announcement and a change reach, and what a resync reads.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Followers } from './followers.cql.ts';
import type { Inbox, InboxChange, InboxRow } from './inbox.ts';
import { InboxRows } from './inbox-rows.cql.ts';
import type { Logs } from './logs.cql.ts';
import type { CqlSession, Row } from './session.cql.ts';

/** Users whose rows are written at one time for one call; statements of one partition in one batch. */
const atOnce = 64;

export interface InboxNeeds {
  readonly session: CqlSession;
  readonly logs: Logs;
  readonly followers: Followers;
  readonly incarnation: string;
}

export function cqlInbox({ session, logs, followers, incarnation }: InboxNeeds): Inbox {
  const rows = new InboxRows(session, followers, incarnation);

  /** Of a large chat the log says how far it is. The row keeps a bucket from which to look, so that this is one read as a rule. */
  const headOf = async (userId: UserId, row: InboxRow, known: number | null): Promise<InboxRow> => {
    const { bucket, lastSeq } = await logs.newestFrom(row.chatId, known, row.head);
    if (bucket > (known ?? 0)) rows.keepBucket(userId, row.chatId, bucket);
    return { ...row, head: Math.max(row.head, lastSeq) };
  };

  const raiseIn = async (chatId: ChatId, users: ReadonlyMap<UserId, readonly InboxChange[]>): Promise<void> => {
    const followed = followers.of(chatId);
    for (const some of chunksOf([...users.values()], atOnce)) {
      const memberships = (await Promise.all(some.map((changes) => rows.raise(followed, changes)))).flat();
      await session.writeAll(memberships);
      for (const { params } of memberships) followed.members.set(params[3] as UserId, params[1] as boolean);
    }
    const grows = !followed.large && [...users.values()].some((changes) => changes.some(({ large }) => large));
    if (!grows) return;
    await session.writeAll([followers.largeness(chatId)]);
    followers.grow(followed);
  };

  return {
    wantsEveryHead: true,

    async rows(userId) {
      const found = (await rows.all(userId)).filter((row) => row['head'] !== null || row['announced'] !== null); // else only receipts have come
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
        await session.writeAll(await Promise.all(some.map((userId) => rows.announce(followed, userId, chatId))));
        if (!followed.large) for (const userId of some) followed.members.set(userId, true);
      }
    },

    async raise(changes) {
      await Promise.all([...byChat(changes)].map(([chatId, users]) => raiseIn(chatId, users)));
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
