// The list of chats: the server's, with what this device knows better; without a connection, this device's own.
import type { ToDevice } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatRow } from '../protocol/sync.ts';
import { type ChatId, isDirect, type UserId } from '../structures/ids.ts';
import { NotConnected } from './faults.ts';
import type { Journal } from './journal.ts';
import type { Log } from './log.ts';
import { unreadOf } from './place.ts';
import type { Asking } from './requests.ts';
import type { ChatPlace, DeviceStorage } from './storage.ts';

export interface ChatSummary {
  readonly chatId: ChatId;
  readonly kind: 'direct' | 'group';
  /** Empty for a direct chat. */
  readonly title: string;
  /** The other user of a direct chat. */
  readonly peer: UserId | null;
  readonly head: number;
  /** Of the last entry. */
  readonly atMs: number;
  readonly unread: number;
  readonly member: boolean;
  /** The last entry; a long body is left empty. */
  readonly last: Entry | null;
}

export interface ChatListNeeds {
  readonly storage: DeviceStorage;
  readonly journal: Journal;
  readonly log: Log;
  readonly isUp: () => boolean;
  readonly ask: (frame: Asking) => Promise<Extract<ToDevice, { kind: 'chats' }>>;
}

/** Newest activity first, at most `limit`. */
export async function listChats(needs: ChatListNeeds, limit: number): Promise<readonly ChatSummary[]> {
  if (!needs.isUp()) return await fromHere(needs, limit);
  try {
    return await fromServer(needs, limit);
  } catch (error) {
    if (error instanceof NotConnected) return await fromHere(needs, limit);
    throw error;
  }
}

async function fromServer({ log, ask }: ChatListNeeds, limit: number): Promise<readonly ChatSummary[]> {
  const chats = new Map<ChatId, ChatSummary>();
  let before: Extract<ToDevice, { kind: 'chats' }>['next'] = null;
  do {
    const answer: Extract<ToDevice, { kind: 'chats' }> = await ask({ kind: 'listChats', before, limit: Math.min(limit - chats.size, limits.chatsPerPageMax) });
    for (const row of answer.rows) chats.set(row.chatId, merged(log, row));
    before = answer.next;
  } while (before !== null && chats.size < limit);
  return [...chats.values()];
}

function merged(log: Log, row: ChatRow): ChatSummary {
  const { chatId, chatKind, head, atMs, member, last } = row;
  const place = log.place(chatId);
  place.now = { ...place.now, title: row.title === '' ? place.now.title : row.title, peer: row.peer ?? place.now.peer };
  const { now } = place;
  const unread = now.seq >= head && now.countable !== null && (now.readCountable !== null || now.read >= now.seq) ? unreadOf(now) : row.unread;
  return { chatId, kind: chatKind, title: now.title, peer: now.peer, head, atMs, unread, member, last };
}

async function fromHere({ log, storage, journal }: ChatListNeeds, limit: number): Promise<readonly ChatSummary[]> {
  await journal.write([]);
  const places = [...log.places.values()].map(({ now }) => now).filter(({ seq }) => seq > 0);
  places.sort((one, other) => other.atMs - one.atMs);
  return await Promise.all(places.slice(0, limit).map((place) => summaryOf(place, storage)));
}

async function summaryOf(place: ChatPlace, storage: DeviceStorage): Promise<ChatSummary> {
  const { chatId, title, peer, seq, atMs, member } = place;
  const last = (await storage.entries(chatId, { after: 0, before: seq + 1, limit: 1, from: 'last' }))[0] ?? null;
  return { chatId, kind: isDirect(chatId) ? 'direct' : 'group', title, peer, head: seq, atMs, unread: unreadOf(place), member, last };
}
