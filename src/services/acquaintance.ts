// Who shares a chat with whom: to strangers a user's presence does not show.
import { directChatId } from '../protocol/direct.ts';
import type { Inbox } from '../store/inbox.ts';
import type { ChatId, UserId } from '../structures/ids.ts';

/** Of `others`, those who are in a chat together with the user now. */
export async function acquainted(inbox: Inbox, userId: UserId, others: readonly UserId[]): Promise<readonly UserId[]> {
  const mine = await chatsOf(inbox, userId);
  const known: UserId[] = [];
  for (const other of new Set(others)) {
    if (mine.has(directChatId(userId, other)) || [...(await chatsOf(inbox, other))].some((chatId) => mine.has(chatId))) known.push(other);
  }
  return known;
}

async function chatsOf(inbox: Inbox, userId: UserId): Promise<ReadonlySet<ChatId>> {
  return new Set((await inbox.rows(userId)).filter(({ confirmed, member }) => confirmed && member).map(({ chatId }) => chatId));
}
