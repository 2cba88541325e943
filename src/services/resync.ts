// What moved while a device was away: its cursors against the user's inbox, in one read.

import { limits } from '../protocol/limits.ts';
import type { CursorRow, IncarnationChanged, Moved, MovedRow } from '../protocol/sync.ts';
import type { Inbox, InboxRow, Known } from '../store/inbox.ts';
import type { ChatId, UserId } from '../structures/ids.ts';

export interface ResyncNeeds {
  readonly inbox: Inbox;
  /** What chats that are awake know of themselves. */
  known(userId: UserId, chatId: ChatId): Known | undefined;
  readonly incarnation: string;
}

export interface Resumed {
  readonly frames: readonly (Moved | IncarnationChanged)[];
  readonly large: readonly ChatId[];
  readonly unconfirmed: readonly ChatId[];
}

export interface Resync {
  /** The answer to a resume: rows of the chats in which something moved against the cursors; at least one frame. */
  resume(userId: UserId, incarnation: string, cursors: readonly CursorRow[], request: number): Promise<Resumed>;
  /** Where all chats of the user stand. */
  heads(userId: UserId): Promise<Omit<Resumed, 'frames'> & { readonly rows: readonly MovedRow[] }>;
}

export function resyncService({ inbox, incarnation, known }: ResyncNeeds): Resync {
  const rowsOf = (userId: UserId): Promise<readonly InboxRow[]> => inbox.rows(userId, (chatId) => known(userId, chatId));
  return {
    async resume(userId, theirs, cursors, request) {
      const { rows, ...others } = sorted(await rowsOf(userId));
      // A device that has cursors of another history would skip what now stands at those seqs.
      if (theirs !== incarnation && cursors.length > 0) return { frames: [{ kind: 'incarnationChanged', request, incarnation }], ...others };
      const known = new Map(cursors.map((cursor) => [cursor.chatId, cursor]));
      return { frames: paged(request, rows.filter((row) => moved(row, known.get(row.chatId))).map(movedRow)), ...others };
    },
    async heads(userId) {
      const { rows, ...others } = sorted(await rowsOf(userId));
      return { rows: rows.map(movedRow), ...others };
    },
  };
}

/** What the chats have confirmed, which of those are large and heard by audience, and what is in doubt. */
function sorted(all: readonly InboxRow[]): Omit<Resumed, 'frames'> & { readonly rows: readonly InboxRow[] } {
  const rows = all.filter(({ confirmed }) => confirmed);
  const large = rows.filter((row) => row.large && row.member).map(({ chatId }) => chatId);
  return { rows, large, unconfirmed: all.filter(({ confirmed }) => !confirmed).map(({ chatId }) => chatId) };
}

function moved(row: InboxRow, cursor: CursorRow | undefined): boolean {
  return cursor === undefined || row.head !== cursor.seq || row.receiptsVersion > cursor.receiptsVersion;
}

function movedRow({ chatId, head, read, receiptsVersion }: InboxRow): MovedRow {
  return { chatId, head, read, receiptsVersion };
}

function paged(request: number, rows: readonly MovedRow[]): readonly Moved[] {
  const frames: Moved[] = [];
  const step = limits.cursorsPerResumeMax;
  for (let at = 0; at === 0 || at < rows.length; at += step) frames.push({ kind: 'moved', request, rows: rows.slice(at, at + step), last: at + step >= rows.length });
  return frames;
}
