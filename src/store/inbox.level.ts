// Who is in which chat, in the embedded store: a row a user and chat, written when a membership changes. How far a chat stands is read from its log.
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Committer } from './committer.level.ts';
import type { Heads } from './heads.level.ts';
import type { Home } from './home.level.ts';
import type { Inbox, InboxChange, InboxRow } from './inbox.ts';
import { inboxKey, inboxPrefix, lastId, readNumber, receiptKey, receiptsVersionKey, within, writeNumber } from './keys.level.ts';

const confirmedFlag = 1;
const memberFlag = 2;
const largeFlag = 4;

export function levelInbox(home: Home, committer: Committer, heads: Heads): Inbox {
  return {
    wantsEveryHead: false,
    rows: (userId) => rowsOf(home, committer, heads, userId),

    async announce(chatId, userIds) {
      const group = committer.gather();
      for (const userId of userIds) {
        const key = inboxKey(userId, chatId);
        const held = committer.look(key);
        if (held === undefined) committer.keep(group, key, rowOf(0, 0));
        else if ((held.readUInt8(0) & confirmedFlag) !== 0) committer.keep(group, key, rowOf(held.readUInt8(0) & ~confirmedFlag, readNumber(held, 1)));
      }
      await group.applied;
    },

    async raise(changes) {
      const group = committer.gather();
      for (const change of changes) {
        const key = inboxKey(change.userId, change.chatId);
        const held = committer.look(key);
        const next = changed(held, change);
        if (held === undefined || !next.equals(held)) committer.keep(group, key, next);
      }
      await group.applied;
    },
  };
}

function rowOf(flags: number, head: number): Buffer {
  const row = Buffer.allocUnsafe(9);
  row.writeUInt8(flags, 0);
  writeNumber(row, head, 1);
  return row;
}

function changed(held: Buffer | undefined, { head, member, large }: InboxChange): Buffer {
  const flags = held?.readUInt8(0) ?? 0;
  const keptLarge = (flags & largeFlag) | (large ? largeFlag : 0); // once large, for ever
  if (held !== undefined && head < readNumber(held, 1)) return rowOf((flags & ~largeFlag) | keptLarge, readNumber(held, 1));
  return rowOf(confirmedFlag | (member ? memberFlag : 0) | keptLarge, head);
}

async function rowsOf(home: Home, committer: Committer, heads: Heads, userId: UserId): Promise<readonly InboxRow[]> {
  const found = await home.read((database) => database.iterator({ ...within(inboxPrefix(userId)), highWaterMarkBytes: 256 * 1024 }).all());
  if (found.length === 0) return [];
  await committer.applied(); // of receipts
  const chatIds = found.map(([key]) => lastId(key) as ChatId);
  const [lastSeqs, receipts] = await Promise.all([
    heads.lastSeqs(chatIds),
    home.read((database) => database.getMany([...chatIds.map(receiptsVersionKey), ...chatIds.map((chatId) => receiptKey(chatId, userId))])),
  ]);
  const rows: InboxRow[] = [];
  for (const [at, [, value]] of found.entries()) {
    const flags = value.readUInt8(0);
    const confirmed = (flags & confirmedFlag) !== 0;
    const member = (flags & memberFlag) !== 0;
    const lastSeq = lastSeqs[at] as number;
    if (confirmed && lastSeq === 0) continue;
    const version = receipts[at];
    const own = receipts[found.length + at];
    rows.push({
      chatId: chatIds[at] as ChatId,
      head: confirmed && !member ? Math.min(readNumber(value, 1), lastSeq) : lastSeq,
      confirmed,
      member,
      large: (flags & largeFlag) !== 0,
      receiptsVersion: version === undefined ? 0 : readNumber(version, 0),
      read: own === undefined ? 0 : readNumber(own, 8),
    });
  }
  return rows;
}
