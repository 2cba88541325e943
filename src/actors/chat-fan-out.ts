// Who hears what a chat decides: its members by name, or, once it is large, their nodes' audiences.
import type { Router } from '../cluster/router.ts';
import type { ChatEffect } from '../core/chat.ts';
import { encodeEntryFrame } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';

type Effect<Kind extends ChatEffect['kind']> = Extract<ChatEffect, { kind: Kind }>;

/** For a while after a chat has grown large both ways are used where the link may lose: nodes may not have joined its audience yet. */
const bothWaysMs = limits.healMaxMs;

/** The frames of the entries that are being appended, or were and are about to be pushed, each once. Not kept longer: they lie in larger buffers. */
export class Frames {
  #firstSeq = 0;
  #frames: (Uint8Array | undefined)[] = [];

  /** Of a batch that is about to be appended. */
  of(entries: readonly Entry[]): readonly Uint8Array[] {
    const frames = entries.map(encodeEntryFrame);
    this.#firstSeq = entries[0]?.seq ?? 0;
    this.#frames = frames;
    return frames;
  }

  /** By its seq: where a push before it has failed it must not have the other's. */
  take(entry: Entry): Uint8Array {
    const at = entry.seq - this.#firstSeq;
    const frame = this.#frames[at];
    if (frame === undefined) return encodeEntryFrame(entry);
    if (at === this.#frames.length - 1) this.#frames = [];
    else this.#frames[at] = undefined;
    return frame;
  }
}

export function push({ entry, to, also, grownAtMs }: Effect<'push'>, frames: Frames, router: Router): void {
  const bytes = frames.take(entry);
  const { chatId, seq, entryKind, author, device, number } = entry;
  const large = grownAtMs > 0;
  const inside = { chatId, seq, entryKind, author, origin: number > 0 ? device : null, large, member: true, bytes };
  if (!large && also.length === 0) return router.pushToUsers(to, inside);
  const went = also.filter((userId) => !to.includes(userId));
  if (large) router.pushToAudiences(chatId, { push: inside, went });
  const byName = !large || entryKind === entryKinds.grown || (router.mayLose && entry.atMs - grownAtMs <= bothWaysMs);
  const named = byName ? to : also.filter((userId) => !went.includes(userId));
  for (const userId of named) router.pushToUser(userId, inside);
  if (went.length === 0) return;
  const outside = { ...inside, member: false };
  for (const userId of went) router.pushToUser(userId, outside);
}

export function tellReceipt(chatId: ChatId, { userId, deviceId, mark, version, to }: Effect<'receipt'>, router: Router): void {
  const frame = { kind: 'receipt', chatId, userId, delivered: mark.delivered, read: mark.read, receiptsVersion: version } as const;
  for (const member of to) router.notifyUser(member, frame, member === userId ? deviceId : null);
}

export function tellTyping(chatId: ChatId, { from, on, to }: Effect<'typing'>, router: Router): void {
  const frame = { kind: 'typingBy', chatId, userId: from.userId, on, ttlMs: limits.typingTtlMs } as const;
  for (const member of to) if (member !== from.userId) router.notifyUser(member, frame, null);
}
