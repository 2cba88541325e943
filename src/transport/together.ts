// Entries of large chats, gathered for the length of a turn: those of one chat leave as one frame. A socket library writes to each socket once for every few frames,
// and what a busy chat costs is those writes: ADR 15.
import { encodePushed } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { ChatId } from '../structures/ids.ts';

/** What one chat has to say in this turn. */
interface Gathered {
  readonly frames: Uint8Array[];
  bytes: number;
  /** The socket that must not hear it; `several`: there is more than one, so all hear all. */
  except: number | undefined;
}

/** To all sockets of a chat, but for one. */
export type Publish = (chatId: ChatId, frame: Uint8Array, except: number | undefined) => void;

const several = -1; // no socket has this number

export class Together {
  readonly #publish: Publish;
  #chats = new Map<ChatId, Gathered>();

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  /** Takes an `entry` frame, whose bytes must not change until it has left. Where those gathered are of several authors, each hears its own too. */
  add(chatId: ChatId, frame: Uint8Array, except: number | undefined): void {
    let gathered = this.#chats.get(chatId);
    if (gathered !== undefined && (gathered.frames.length >= limits.pushedEntriesMax || gathered.bytes + frame.byteLength > limits.pushedBytesMax)) {
      this.leave(chatId);
      gathered = undefined;
    }
    if (gathered === undefined) {
      this.#chats.set(chatId, { frames: [frame], bytes: frame.byteLength, except });
      return;
    }
    gathered.frames.push(frame);
    gathered.bytes += frame.byteLength;
    if (gathered.except !== except) gathered.except = several;
  }

  /** What the chat has gathered leaves now: before its sockets become others. */
  leave(chatId: ChatId): void {
    const gathered = this.#chats.get(chatId);
    if (gathered === undefined) return;
    this.#chats.delete(chatId);
    this.#say(chatId, gathered);
  }

  leaveAll(): void {
    const chats = this.#chats;
    if (chats.size === 0) return;
    // A new one: a map that is cleared leaves its table with all that stood in it, which points to the next one. Once one of them was old, young collections took it all for alive.
    this.#chats = new Map();
    for (const [chatId, gathered] of chats) this.#say(chatId, gathered);
  }

  #say(chatId: ChatId, { frames, except }: Gathered): void {
    const [only] = frames;
    if (frames.length === 1) this.#publish(chatId, only as Uint8Array, except);
    else this.#publish(chatId, encodePushed(frames), except === several ? undefined : except);
  }
}
