// Which chats are written to most just now, on this node: for operators who look for the one that loads a shard.
import type { Stores } from '../store/stores.ts';
import type { Clock } from '../structures/clock.ts';
import { HeavyHitters } from '../structures/heavy-hitters.ts';
import type { ChatId } from '../structures/ids.ts';

export interface HotChat {
  readonly chatId: ChatId;
  /** Entries a minute, of the minute before and this one so far. */
  readonly entriesPerMinute: number;
}

const windowMs = 60_000;
const keptMax = 256;

export class HottestChats {
  readonly #clock: Clock;
  #now = new HeavyHitters<ChatId>(keptMax);
  #before = new HeavyHitters<ChatId>(keptMax);
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
  }

  /** The same stores, with an eye on what is appended. */
  watching<S extends Pick<Stores, 'messages'>>(stores: S): S {
    const { messages } = stores;
    return {
      ...stores,
      messages: {
        open: (chatId) => messages.open(chatId),
        read: (chatId, range) => messages.read(chatId, range),
        stands: (chatId, tip) => messages.stands(chatId, tip),
        append: (append) => {
          this.#turn();
          this.#now.add(append.chatId, append.entries.length);
          return messages.append(append);
        },
      },
    };
  }

  top(count: number): readonly HotChat[] {
    this.#turn();
    const sums = new Map<ChatId, number>();
    for (const { key, count: entries } of [...this.#now.top(keptMax), ...this.#before.top(keptMax)]) sums.set(key, (sums.get(key) ?? 0) + entries);
    const minutes = 1 + (this.#clock.nowMs() - this.#sinceMs) / windowMs;
    return [...sums]
      .map(([chatId, entries]) => ({ chatId, entriesPerMinute: Math.round(entries / minutes) }))
      .sort((one, other) => other.entriesPerMinute - one.entriesPerMinute)
      .slice(0, count);
  }

  #turn(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#sinceMs < windowMs) return;
    this.#before = nowMs - this.#sinceMs < 2 * windowMs ? this.#now : new HeavyHitters(keptMax);
    this.#now = new HeavyHitters(keptMax);
    this.#sinceMs = nowMs;
  }
}
