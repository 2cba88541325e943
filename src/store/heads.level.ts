// How far the logs of recently used chats stand, so that an append needs no read. There is one writer, this process: what is held here is the truth.
import type { ChatId } from '../structures/ids.ts';
import { Lru } from '../structures/lru.ts';
import type { Group } from './group.level.ts';
import type { Home } from './home.level.ts';
import type { Tip } from './messages.ts';
import { lastSeqOf, standingOf } from './packs.level.ts';
import type { Tail } from './tails.level.ts';

export interface Head {
  tip: Tip;
  lastSeq: number;
  /** The group of the last append of this process; that append is durable once the group is settled. */
  group: Group | undefined;
}

interface Waiting {
  readonly job: (head: Head) => void;
  readonly reject: (error: unknown) => void;
}

export class Heads {
  readonly #home: Home;
  readonly #tailsOf: (chatId: ChatId) => readonly Tail[];
  readonly #held: Lru<ChatId, Head>;
  readonly #loading = new Map<ChatId, Waiting[]>();

  /** `tailsOf`: the ends of logs that are not in the database. */
  constructor(home: Home, tailsOf: (chatId: ChatId) => readonly Tail[], headsMax: number) {
    this.#home = home;
    this.#tailsOf = tailsOf;
    // A log whose append is under way must not be read again: the database would tell an old state.
    this.#held = new Lru(headsMax, (head) => head.group === undefined || head.group.isSettled);
  }

  held(chatId: ChatId): Head | undefined {
    return this.#held.get(chatId);
  }

  /** Does `job` with the head, at once where it is held. Jobs of one chat run in the order in which they came. */
  with<Value>(chatId: ChatId, job: (head: Head) => Promise<Value>): Promise<Value> {
    const head = this.#held.get(chatId) ?? this.#fromTail(chatId);
    if (head !== undefined) return job(head);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { job: (loaded) => void job(loaded).then(resolve, reject), reject };
      const others = this.#loading.get(chatId);
      if (others !== undefined) others.push(waiting);
      else this.#load(chatId, [waiting]);
    });
  }

  /** The last seqs of many chats; those that are held may include an append that is not durable yet. */
  async lastSeqs(chatIds: readonly ChatId[]): Promise<number[]> {
    const seqs = chatIds.map((chatId) => this.#held.peek(chatId)?.lastSeq ?? this.#tailsOf(chatId).at(-1)?.lastSeq ?? -1);
    let next = 0;
    const look = async () => {
      while (next < seqs.length) {
        const at = next++;
        if (seqs[at] === -1) seqs[at] = await this.#home.read((database) => lastSeqOf(database, chatIds[at] as ChatId));
      }
    };
    await Promise.all(Array.from({ length: Math.min(looksAtOnce, seqs.length) }, look));
    return seqs;
  }

  /** After a failed write. */
  forget(): void {
    this.#held.clear();
  }

  #fromTail(chatId: ChatId): Head | undefined {
    const tail = this.#tailsOf(chatId).at(-1);
    if (tail === undefined || this.#loading.has(chatId)) return undefined;
    const head: Head = { tip: tail.tip, lastSeq: tail.lastSeq, group: undefined };
    this.#held.set(chatId, head);
    return head;
  }

  #load(chatId: ChatId, waiting: Waiting[]): void {
    this.#loading.set(chatId, waiting);
    this.#home
      .read((database) => standingOf(database, chatId))
      .then(
        (standing) => {
          this.#loading.delete(chatId);
          const head = this.#fromTail(chatId) ?? { ...standing, group: undefined };
          this.#held.set(chatId, head);
          for (const { job } of waiting) job(head);
        },
        (error: unknown) => {
          this.#loading.delete(chatId);
          for (const { reject } of waiting) reject(error);
        },
      );
  }
}

const looksAtOnce = 4; // as many as there are threads to look with
