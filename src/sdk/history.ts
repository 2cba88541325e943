// Reading a chat's log: what is kept here first, the rest from the server. Also finds an entry by its send number.
import { limits, numbersPerMs } from '../protocol/limits.ts';
import type { Entry } from '../protocol/messages.ts';
import type { Entries } from '../protocol/sync.ts';
import type { ChatId, DeviceId } from '../structures/ids.ts';
import { NotConnected } from './faults.ts';
import type { Journal } from './journal.ts';
import type { Log } from './log.ts';
import type { Policy } from './policy.ts';
import type { Asking } from './requests.ts';
import type { DeviceStorage } from './storage.ts';

export interface HistoryNeeds {
  readonly deviceId: DeviceId;
  readonly policy: Policy;
  readonly storage: DeviceStorage;
  readonly journal: Journal;
  readonly log: () => Log;
  /** Answers with `entries`; waits a while for a connection, and rejects with NotConnected when none comes. */
  readonly ask: (frame: Asking) => Promise<Entries>;
}

export interface HistoryPage {
  /** Ascending. */
  readonly entries: readonly Entry[];
  /** Whether there may be more beyond the page, in the direction of reading. */
  readonly more: boolean;
}

export interface HistoryWish {
  /** The newest entries below this seq; without it, the newest of all. */
  readonly before?: number;
  /** The oldest entries above this seq; not together with `before`. */
  readonly after?: number;
  readonly limit?: number;
}

/** Asked for one page of `history`, in a chat with long absences. */
const historyPagesMax = 8;

export class History {
  private readonly needs: HistoryNeeds;

  constructor(needs: HistoryNeeds) {
    this.needs = needs;
  }

  async page(chatId: ChatId, { before, after, limit = 50 }: HistoryWish): Promise<HistoryPage> {
    const bounded = Math.max(1, Math.min(limit, this.needs.policy.historyPageMax));
    return after === undefined ? await this.older(chatId, before ?? Number.MAX_SAFE_INTEGER, bounded) : await this.newer(chatId, after, bounded);
  }

  /** An entry of this device under that number, if the log has one. It cannot stand before the number's own time, less what a clock may be ahead: the search ends there. */
  async search(chatId: ChatId, number: number): Promise<Entry | undefined> {
    const earliestMs = number / numbersPerMs - limits.clockAheadMsMax;
    let before = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const { entries, from } = await this.needs.ask({ kind: 'history', chatId, before: before === Number.MAX_SAFE_INTEGER ? 0 : before, limit: limits.pullEntriesMax });
      const found = entries.find((entry) => entry.device === this.needs.deviceId && entry.number === number);
      if (found !== undefined) return found;
      if (from <= 1 || from >= before || (entries[0]?.atMs ?? earliestMs) < earliestMs) return undefined;
      before = from;
    }
  }

  private async older(chatId: ChatId, before: number, limit: number): Promise<HistoryPage> {
    const { floor } = this.needs.log().place(chatId).now;
    const kept = await this.kept(chatId, { after: floor, before, limit, from: 'last' });
    if (kept.length === limit) return { entries: kept, more: (kept[0]?.seq ?? 0) > 1 };
    if (floor === 0) return { entries: kept, more: false };
    try {
      const { entries, from } = await this.fetchOlder(chatId, Math.min(before, floor + 1), limit - kept.length);
      return { entries: [...entries, ...kept], more: from > 1 };
    } catch (error) {
      if (error instanceof NotConnected && kept.length > 0) return { entries: kept, more: true };
      throw error;
    }
  }

  /** From the server, page by page: one may hold nothing at all, where this user was not a member. */
  private async fetchOlder(chatId: ChatId, before: number, limit: number): Promise<{ readonly entries: readonly Entry[]; readonly from: number }> {
    let found: readonly Entry[] = [];
    let from = before;
    for (let page = 0; page < historyPagesMax && found.length < limit && from > 1; page += 1) {
      const answer = await this.needs.ask({ kind: 'history', chatId, before: from, limit: limit - found.length });
      if (answer.from >= from) return { entries: found, from: 1 };
      this.extend(chatId, answer.entries, answer.from, from - 1);
      found = [...answer.entries, ...found];
      from = answer.from;
    }
    return { entries: found, from };
  }

  private async newer(chatId: ChatId, after: number, limit: number): Promise<HistoryPage> {
    const { floor, seq, heard } = this.needs.log().place(chatId).now;
    if (after >= floor) {
      const entries = await this.kept(chatId, { after, before: Number.MAX_SAFE_INTEGER, limit, from: 'first' });
      return { entries, more: (entries.at(-1)?.seq ?? after) < Math.max(seq, heard) };
    }
    const { entries, through, head } = await this.needs.ask({ kind: 'pull', chatId, after, upTo: 0, limit });
    return { entries, more: through < head };
  }

  /** Keeps what joins on to the oldest that is here, where all is to be kept. */
  private extend(chatId: ChatId, entries: readonly Entry[], from: number, through: number): void {
    const { storage, journal } = this.needs;
    const place = this.needs.log().place(chatId);
    if (storage.entriesPerChatMax !== Number.POSITIVE_INFINITY || place.now.floor !== through) return;
    place.now = { ...place.now, floor: Math.max(0, from - 1) };
    journal.write([...entries.map((entry) => ({ kind: 'entry' as const, entry })), { kind: 'place', place: place.now }]).catch(() => undefined);
  }

  /** What was placed a moment ago is being written: that is waited for. */
  private async kept(chatId: ChatId, range: Parameters<DeviceStorage['entries']>[1]): Promise<readonly Entry[]> {
    await this.needs.journal.write([]);
    return await this.needs.storage.entries(chatId, range);
  }
}
