// What a client is shown by the frames that reach it, whatever it makes of them.
import type { ToDevice, Unknown } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { digestOf, type History } from './history.ts';

export class Sights {
  readonly #who: string;
  readonly #history: History;
  /** The highest that was told: a lower head tells nothing more. */
  readonly #heads = new Map<ChatId, number>();

  constructor(who: string, history: History) {
    this.#who = who;
    this.#history = history;
  }

  see(frame: ToDevice | Unknown): void {
    switch (frame.kind) {
      case 'entry': {
        const { kind: _, ...entry } = frame;
        return this.#shown(entry, 'push');
      }
      case 'pushed':
        for (const entry of frame.entries) this.#shown(entry, 'push');
        return;
      case 'entries':
        this.#head(frame.chatId, frame.head);
        for (const entry of frame.entries) this.#shown(entry, 'pull');
        return;
      case 'moved':
        for (const { chatId, head } of frame.rows) this.#head(chatId, head);
        return;
      case 'members':
        return this.#head(frame.chatId, frame.seq);
      case 'unknown':
        this.#history.tell({ who: this.#who, what: 'wrong', says: 'a frame of an unknown kind came' });
        return;
      default:
        return;
    }
  }

  #shown(entry: Entry, by: 'push' | 'pull'): void {
    this.#history.tell({ who: this.#who, what: 'entry', chatId: entry.chatId, seq: entry.seq, digest: digestOf(entry), by });
  }

  #head(chatId: ChatId, seq: number): void {
    if (seq <= (this.#heads.get(chatId) ?? 0)) return;
    this.#heads.set(chatId, seq);
    this.#history.tell({ who: this.#who, what: 'head', chatId, seq });
  }
}
