// The chats of a user with what a list of them shows: titles, last entries, unread by arithmetic.
import { limits } from '../protocol/limits.ts';
import { decodeMembersBody } from '../protocol/members.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatRow, ChatsFrame, ListChats } from '../protocol/sync.ts';
import type { Inbox, InboxRow } from '../store/inbox.ts';
import type { MessageStore } from '../store/messages.ts';
import { type ChatId, isDirect, type UserId } from '../structures/ids.ts';

export interface ChatListNeeds {
  readonly inbox: Inbox;
  readonly messages: MessageStore;
}

export interface ChatList {
  list(userId: UserId, wish: ListChats): Promise<ChatsFrame>;
}

/** The body of a last entry is shown up to this size; a longer one is left empty. */
const previewBytesMax = 1_024;

export function chatListService({ inbox, messages }: ChatListNeeds): ChatList {
  return {
    async list(userId, { request, before, limit }) {
      const rows = (await inbox.rows(userId)).filter(({ confirmed, head }) => confirmed && head > 0);
      const lasts = await Promise.all(rows.map(async (row) => ({ row, last: await lastUpTo(messages, row.chatId, row.head) })));
      const ranked = lasts
        .flatMap(({ row, last }) => (last === undefined ? [] : [{ row, last }]))
        .sort((one, other) => other.last.atMs - one.last.atMs || (one.row.chatId < other.row.chatId ? 1 : -1));
      const later = before === null ? ranked : ranked.filter(({ row, last }) => last.atMs < before.atMs || (last.atMs === before.atMs && row.chatId < before.chatId));
      const page = later.slice(0, Math.max(1, Math.min(limit, limits.chatsPerPageMax)));
      const end = page.at(-1);
      return {
        kind: 'chats',
        request,
        rows: await Promise.all(page.map(({ row, last }) => chatRow(messages, userId, row, last))),
        next: end !== undefined && page.length < later.length ? { atMs: end.last.atMs, chatId: end.row.chatId } : null,
      };
    },
  };
}

async function chatRow(messages: MessageStore, userId: UserId, { chatId, read, member, receiptsVersion }: InboxRow, last: Entry): Promise<ChatRow> {
  const [first, readEntry] = await Promise.all([entryAt(messages, chatId, 1), read > 0 ? entryAt(messages, chatId, read) : undefined]);
  const created = first === undefined ? undefined : decodeMembersBody(first.body);
  const peer = isDirect(chatId) ? (created?.members.map(([one]) => one).find((one) => one !== userId) ?? userId) : null;
  return {
    chatId,
    chatKind: isDirect(chatId) ? 'direct' : 'group',
    title: created?.title ?? '',
    peer,
    head: last.seq,
    atMs: last.atMs,
    read,
    unread: Math.max(0, last.countable - (readEntry?.countable ?? 0)), // what was read is not looked up in the same moment: it may be further by then
    member,
    receiptsVersion,
    last: last.body.byteLength <= previewBytesMax ? last : { ...last, body: new Uint8Array(0) },
  };
}

/** The inbox may be ahead of what can be read, by an append that is under way or never came to be: then what stands before it is the last. */
async function lastUpTo(messages: MessageStore, chatId: ChatId, head: number): Promise<Entry | undefined> {
  return (await entryAt(messages, chatId, head)) ?? (await messages.read(chatId, { after: 0, before: head, limit: 1, bytesMax: limits.entriesBytesMax, from: 'last' }))[0];
}

async function entryAt(messages: MessageStore, chatId: ChatId, seq: number): Promise<Entry | undefined> {
  return (await messages.read(chatId, { after: seq - 1, before: seq + 1, limit: 1, bytesMax: limits.entriesBytesMax, from: 'first' }))[0];
}
