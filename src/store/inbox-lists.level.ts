// The inboxes of users who were here lately, as they will stand once all writes so far are durable. There is one writer, this process: what is held here is the truth.
import type { ChatId, UserId } from '../structures/ids.ts';

/** The rows of one user, in columns: a chat's stand at one place in each. */
export interface InboxList {
  readonly chatIds: ChatId[];
  readonly flags: number[];
  readonly heads: number[];
}

interface Row {
  readonly chatId: ChatId;
  readonly flags: number;
  readonly head: number;
}

interface Reading {
  /** Rows that the database may not tell: those that were being written when it began, and all that were written since, in their order. */
  readonly rows: Row[];
  list: Promise<InboxList>;
}

/** Rows of all users together, at about 70 bytes each. */
const rowsMax = 500_000;
/** A user without any is one all the same. */
const rowsOfUser = 2;

export class InboxLists {
  /** Who was asked for last stands last. */
  readonly #held = new Map<UserId, InboxList>();
  readonly #rowsMax: number;
  #rows = 0;
  /** Rows that are being written, by their users. */
  readonly #writing = new Map<UserId, Row[]>();
  readonly #reading = new Map<UserId, Reading>();

  constructor(max = rowsMax) {
    this.#rowsMax = max;
  }

  /** The user's list: held, or else read now, once for all who ask meanwhile. */
  async of(userId: UserId, read: () => Promise<InboxList>): Promise<InboxList> {
    const held = this.#held.get(userId);
    if (held === undefined) return this.#reading.get(userId)?.list ?? this.#load(userId, read);
    this.#held.delete(userId);
    this.#held.set(userId, held);
    return held;
  }

  /** A row was written; `applied` settles when the database tells it. */
  wrote(userId: UserId, chatId: ChatId, flags: number, head: number, applied: Promise<void>): void {
    const row = { chatId, flags, head };
    const others = this.#writing.get(userId);
    if (others === undefined) this.#writing.set(userId, [row]);
    else others.push(row);
    applied.then(
      () => this.#written(userId, row),
      () => this.#failed(userId, row),
    );
    this.#reading.get(userId)?.rows.push(row);
    const list = this.#held.get(userId);
    if (list !== undefined && put(list, row)) this.#grown(1);
  }

  /** After a failed write. Rows of writes before it may still be on their way into the database, so what is being written stays. */
  forget(): void {
    this.#held.clear();
    this.#rows = 0;
    this.#reading.clear(); // who waits for one of these is told, and it is not held
  }

  #load(userId: UserId, read: () => Promise<InboxList>): Promise<InboxList> {
    const reading: Reading = { rows: [...(this.#writing.get(userId) ?? [])], list: read() };
    this.#reading.set(userId, reading);
    reading.list = this.#whole(userId, reading);
    return reading.list;
  }

  async #whole(userId: UserId, reading: Reading): Promise<InboxList> {
    try {
      const list = await reading.list;
      for (const row of reading.rows) put(list, row);
      if (this.#reading.get(userId) === reading) {
        this.#held.set(userId, list);
        this.#grown(list.chatIds.length + rowsOfUser);
      }
      return list;
    } finally {
      if (this.#reading.get(userId) === reading) this.#reading.delete(userId);
    }
  }

  #written(userId: UserId, row: Row): void {
    const left = this.#writing.get(userId)?.filter((one) => one !== row) ?? [];
    if (left.length > 0) this.#writing.set(userId, left);
    else this.#writing.delete(userId);
  }

  /** The database will never tell it: neither must a list. */
  #failed(userId: UserId, row: Row): void {
    this.#written(userId, row);
    this.#reading.delete(userId);
    const list = this.#held.get(userId);
    if (list !== undefined) this.#drop(userId, list);
  }

  #drop(userId: UserId, list: InboxList): void {
    this.#held.delete(userId);
    this.#rows -= list.chatIds.length + rowsOfUser;
  }

  #grown(rows: number): void {
    this.#rows += rows;
    for (const [userId, list] of this.#held) {
      if (this.#rows <= this.#rowsMax) return;
      this.#drop(userId, list);
    }
  }
}

/** Whether it is a new one. */
function put(list: InboxList, { chatId, flags, head }: Row): boolean {
  const at = list.chatIds.indexOf(chatId);
  const place = at < 0 ? list.chatIds.push(chatId) - 1 : at;
  list.flags[place] = flags;
  list.heads[place] = head;
  return at < 0;
}
