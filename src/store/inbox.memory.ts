// Who is in which chat, on the simulator's disk. How far a chat stands is read from its log, or, as where many nodes share a store, from what was raised.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { MemoryAccess, MemoryDisk, MemoryInboxRow } from './disk.memory.ts';
import type { Inbox, InboxChange, InboxRow } from './inbox.ts';

/** `wantsEveryHead`: the rows answer, and of large chats alone the logs. */
export function memoryInbox(access: MemoryAccess, wantsEveryHead = false, isSole = false): Inbox {
  const { disk } = access;
  return {
    wantsEveryHead,
    rows: (userId, known) => access.read('inbox.rows', () => rowsOf(disk, userId, wantsEveryHead, isSole && !wantsEveryHead ? known : undefined)),
    announce: (chatId, userIds) =>
      access.write('inbox.announce', () => {
        for (const userId of userIds) rowOf(disk, userId, chatId).confirmed = false;
      }),
    raise: (changes) =>
      access.write('inbox.raise', () => {
        for (const change of changes) raise(rowOf(disk, change.userId, change.chatId), change);
      }),
  };
}

function rowsOf(disk: MemoryDisk, userId: UserId, rowsAnswer: boolean, known: Parameters<Inbox['rows']>[1]): readonly InboxRow[] {
  const rows: InboxRow[] = [];
  for (const [chatId, { head, confirmed, member, large }] of disk.inboxes.get(userId) ?? []) {
    const inMemory = known?.(chatId);
    const lastSeq = inMemory?.lastSeq ?? disk.logs.get(chatId)?.entries.length ?? 0;
    if (confirmed && lastSeq === 0) continue;
    const receipts = disk.receipts.get(chatId);
    rows.push({
      chatId,
      head: (confirmed && !member) || (rowsAnswer && !large) ? Math.min(head, lastSeq) : lastSeq,
      confirmed,
      member,
      large,
      receiptsVersion: inMemory?.receiptsVersion ?? receipts?.version ?? 0,
      read: inMemory?.read ?? receipts?.rows.get(userId)?.read ?? 0,
    });
  }
  return rows;
}

function rowOf(disk: MemoryDisk, userId: UserId, chatId: ChatId): MemoryInboxRow {
  const rows = disk.inboxes.get(userId) ?? new Map<ChatId, MemoryInboxRow>();
  disk.inboxes.set(userId, rows);
  const row = rows.get(chatId) ?? { head: 0, confirmed: false, member: false, large: false };
  rows.set(chatId, row);
  return row;
}

function raise(row: MemoryInboxRow, { head, member, large }: InboxChange): void {
  row.large ||= large; // once large, for ever
  if (head < row.head) return;
  row.head = head;
  row.member = member;
  row.confirmed = true;
}
