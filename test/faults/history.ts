// What happened in a run, as every client and the nemesis saw it: one line of JSON each, in a file and in memory for the judge.
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { encodeEntry } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';

interface Seen {
  /** Since the run began. */
  readonly atMs: number;
  /** The client's name. */
  readonly who: string;
}

export type Happening =
  /** Written by the person at the client; `text` is said nowhere else. */
  | (Seen & { readonly what: 'posted'; readonly chatId: ChatId; readonly text: string })
  /** The client was told that it is durable. */
  | (Seen & { readonly what: 'sent'; readonly chatId: ChatId; readonly text: string; readonly seq: number })
  /** The client was told that it never will be. */
  | (Seen & { readonly what: 'refused'; readonly chatId: ChatId; readonly text: string; readonly why: string })
  /** The client was told that its change of the members is durable. */
  | (Seen & { readonly what: 'changed'; readonly chatId: ChatId; readonly seq: number; readonly change: 'added' | 'removed'; readonly userId: UserId })
  /** Shown an entry: by a push, in an answer to a pull, or (the SDK) as kept and told to its program. */
  | (Seen & { readonly what: 'entry'; readonly chatId: ChatId; readonly seq: number; readonly digest: number; readonly by: 'push' | 'pull' | 'told' })
  /** Told that the chat goes up to there. */
  | (Seen & { readonly what: 'head'; readonly chatId: ChatId; readonly seq: number })
  | (Seen & { readonly what: 'receipt'; readonly chatId: ChatId; readonly userId: UserId; readonly delivered: number; readonly read: number; readonly merged: boolean })
  | (Seen & { readonly what: 'connected'; readonly node: string })
  | (Seen & { readonly what: 'lost'; readonly node: string; readonly why: string })
  /** Something that must not be. */
  | (Seen & { readonly what: 'wrong'; readonly says: string })
  /** The nemesis: `who` is its kind. */
  | (Seen & { readonly what: 'fault' | 'healed'; readonly nth: number; readonly on: string; readonly says: string });

/** Why a connection is lost that its client has given up of its own will. */
export const roams = 'roams';

export type What = Happening['what'];
type Told<H> = H extends Happening ? Omit<H, 'atMs'> : never;

export interface Client {
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly kind: 'sdk' | 'raw';
}

export class History {
  readonly happenings: Happening[] = [];
  readonly #startedMs = performance.now();
  readonly #file: WriteStream | undefined;

  constructor(file?: string) {
    this.#file = file === undefined ? undefined : createWriteStream(file);
  }

  get nowMs(): number {
    return Math.round(performance.now() - this.#startedMs);
  }

  tell(told: Told<Happening>): void {
    const happening = { atMs: this.nowMs, ...told } as Happening;
    this.happenings.push(happening);
    this.#file?.write(`${JSON.stringify(happening)}\n`);
  }

  async close(): Promise<void> {
    if (this.#file === undefined) return;
    this.#file.end();
    await finished(this.#file);
  }
}

/** Two entries with the same one are the same, byte by byte. */
export function digestOf(entry: Entry): number {
  return crc32(encodeEntry(entry));
}
