// The rows of inboxes on CQL: one partition a user and incarnation. Every cell is merged by max, with its value as its timestamp, so rows are written without a condition, twice or late.
// In that table never a DELETE, a TTL, a null or a clock's timestamp: one would hide what has small timestamps, for ever.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Followed, Followers } from './followers.cql.ts';
import type { InboxChange } from './inbox.ts';
import type { CqlSession, Row, Statement } from './session.cql.ts';

export class InboxRows {
  readonly #session: CqlSession;
  readonly #followers: Followers;
  readonly #incarnation: string;
  readonly #texts: ReturnType<typeof textsOf>;

  constructor(session: CqlSession, followers: Followers, incarnation: string) {
    this.#session = session;
    this.#followers = followers;
    this.#incarnation = incarnation;
    this.#texts = textsOf(session.keyspace);
  }

  all(userId: UserId): Promise<readonly Row[]> {
    return this.#session.read(this.#texts.all, [userId, this.#incarnation], { bytes: 64 * 1024 });
  }

  /** Counts one more announcement. What the chat's own partition is to know of it is returned. */
  async announce(followed: Followed, userId: UserId, chatId: ChatId): Promise<Statement> {
    const row = await this.#one(userId, chatId);
    const announced = { count: Number(row?.['announced'] ?? 0) + 1, head: Number(row?.['head'] ?? 0) };
    await this.#session.write(this.#texts.announce, [announced.count, announced.count, announced.head, ...this.#key(userId, chatId)]);
    followed.announced.set(userId, announced);
    followed.confirmed.delete(userId);
    return this.#followers.membership(chatId, userId, true, announced.head);
  }

  /** What changed of one row, all at once. What the chat's own partition is to know of it is returned. */
  async raise(followed: Followed, changes: readonly InboxChange[]): Promise<readonly Statement[]> {
    const { userId, chatId, head, member } = changes.reduce((one, other) => (other.head >= one.head ? other : one));
    const key = this.#key(userId, chatId);
    const isLarge = changes.some(({ large }) => large);
    const statements = changes.map((change) => ({ query: this.#texts.head, params: [change.head, change.head, change.member, ...key] }));
    if (isLarge) statements.push({ query: this.#texts.large, params: key });
    const settled = await this.#settles(followed, userId, chatId, head);
    if (settled > 0) statements.push({ query: this.#texts.settle, params: [settled, settled, ...key] });
    await this.#session.writeAll(statements);
    if (settled > 0 && followed.announced.get(userId)?.count === settled) {
      followed.announced.delete(userId);
      if (!isLarge) followed.confirmed.add(userId);
    }
    return followed.large || followed.members.get(userId) === member ? [] : [this.#followers.membership(chatId, userId, member, head)];
  }

  /** From where to look for the head of a large chat. May be lost: the next reader then looks from further back. */
  keepBucket(userId: UserId, chatId: ChatId, bucket: number): void {
    void this.#session.write(this.#texts.bucket, [bucket, bucket, ...this.#key(userId, chatId)]).catch(() => undefined);
  }

  /** How many announcements of that row `head` settles; 0: none that there are. */
  async #settles(followed: Followed, userId: UserId, chatId: ChatId, head: number): Promise<number> {
    const own = followed.announced.get(userId);
    if (own !== undefined) return head >= own.head ? own.count : 0;
    if (followed.confirmed.has(userId)) return 0;
    const row = await this.#one(userId, chatId);
    const count = Number(row?.['announced'] ?? 0);
    if (count > Number(row?.['settled'] ?? 0)) return head >= Number(row?.['announced_head']) ? count : 0;
    if (!followed.large) followed.confirmed.add(userId);
    return 0;
  }

  #one(userId: UserId, chatId: ChatId): Promise<Row | undefined> {
    return this.#session.one(this.#texts.one, this.#key(userId, chatId));
  }

  #key(userId: UserId, chatId: ChatId): unknown[] {
    return [userId, this.#incarnation, chatId];
  }
}

function textsOf(keyspace: string) {
  const table = `${keyspace}.inbox`;
  const key = 'WHERE user_id = ? AND incarnation = ? AND chat_id = ?';
  return {
    all: `SELECT * FROM ${table} WHERE user_id = ? AND incarnation = ?`,
    one: `SELECT head, announced, announced_head, settled FROM ${table} ${key}`,
    announce: `UPDATE ${table} USING TIMESTAMP ? SET announced = ?, announced_head = ? ${key}`,
    head: `UPDATE ${table} USING TIMESTAMP ? SET head = ?, member = ? ${key}`,
    large: `UPDATE ${table} USING TIMESTAMP 1 SET large = true ${key}`,
    settle: `UPDATE ${table} USING TIMESTAMP ? SET settled = ? ${key}`,
    bucket: `UPDATE ${table} USING TIMESTAMP ? SET bucket = ? ${key}`,
  };
}
