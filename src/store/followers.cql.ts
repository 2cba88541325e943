// Whose inboxes have a chat, as far as this process knows: so that a receipt reaches them without asking, and an append writes no more than it must.
import type { ChatId, UserId } from '../structures/ids.ts';
import { Lru } from '../structures/lru.ts';
import type { CqlSession, Row, Statement } from './session.cql.ts';

/** A membership that this process has announced and not yet settled: the how many-eth it was, and where the row stood. */
export interface Announced {
  readonly count: number;
  readonly head: number;
}

export interface Followed {
  /** Once large, for ever: then rows are written when a membership changes, and nothing else is held here. */
  large: boolean;
  /** Whether all members are in `members`, and not only those heard of. */
  isWhole: boolean;
  /** Whether they are in, or were. */
  readonly members: Map<UserId, boolean>;
  readonly announced: Map<UserId, Announced>;
  /** Those whose rows hold nothing unsettled. */
  readonly confirmed: Set<UserId>;
}

/** At about 100 bytes a member of a small chat. */
const chatsMax = 20_000;

export class Followers {
  readonly #session: CqlSession;
  readonly #chats: Lru<ChatId, Followed>;
  readonly #texts;

  constructor(session: CqlSession, max = chatsMax) {
    this.#session = session;
    this.#chats = new Lru(max);
    const receipts = `${session.keyspace}.receipts`;
    this.#texts = {
      list: `SELECT user_id, delivered, read, member, large FROM ${receipts} WHERE chat_id = ?`,
      member: `UPDATE ${receipts} USING TIMESTAMP ? SET member = ? WHERE chat_id = ? AND user_id = ?`,
      large: `UPDATE ${receipts} USING TIMESTAMP 1 SET large = true WHERE chat_id = ?`,
    };
  }

  of(chatId: ChatId): Followed {
    const known = this.#chats.get(chatId);
    if (known !== undefined) return known;
    const fresh: Followed = { large: false, isWhole: false, members: new Map(), announced: new Map(), confirmed: new Set() };
    this.#chats.set(chatId, fresh);
    return fresh;
  }

  /** The chat is read anew: others may have written meanwhile. */
  forget(chatId: ChatId): void {
    this.#chats.delete(chatId);
  }

  /** The rows of the receipts, from which all members are known afterwards. */
  async read(chatId: ChatId): Promise<readonly Row[]> {
    const followed = this.of(chatId);
    const rows = await this.#session.read(this.#texts.list, [chatId], { bytes: 16 * 1024 });
    if (rows[0]?.['large'] === true) this.grow(followed);
    if (followed.large) return rows;
    // What was heard of since is newer.
    for (const row of rows) if (row['member'] !== null && !followed.members.has(row['user_id'])) followed.members.set(row['user_id'], row['member']);
    followed.isWhole = true;
    return rows;
  }

  /** Those who are in and whose inboxes show every receipt; of a large chat nobody's. */
  async membersOf(chatId: ChatId): Promise<readonly UserId[]> {
    const followed = this.of(chatId);
    if (!followed.isWhole && !followed.large) await this.read(chatId);
    if (followed.large) return [];
    return [...followed.members].flatMap(([userId, isIn]) => (isIn ? [userId] : []));
  }

  grow(followed: Followed): void {
    followed.large = true;
    followed.members.clear();
    followed.confirmed.clear();
  }

  /** That the membership stood so at `head`. Merged by max; at one head, who is in wins. */
  membership(chatId: ChatId, userId: UserId, isIn: boolean, head: number): Statement {
    return { query: this.#texts.member, params: [head, isIn, chatId, userId] };
  }

  largeness(chatId: ChatId): Statement {
    return { query: this.#texts.large, params: [chatId] };
  }
}
