// This device's copy of every chat's log: entries in order, once per (chat, seq), moved forward together with the cursor.
import type { Entry } from '../protocol/messages.ts';
import type { Entries } from '../protocol/sync.ts';
import type { ChatId } from '../structures/ids.ts';
import type { Journal } from './journal.ts';
import * as places from './place.ts';
import type { Policy } from './policy.ts';
import type { Change, ChatPlace } from './storage.ts';

/** A chat in memory. */
export interface Place {
  /** What is kept; replaced, never changed. */
  now: ChatPlace;
  /** Entries that came before their predecessors. */
  readonly held: Map<number, Entry>;
}

/** An outbox item whose entry has taken its place: it leaves the outbox in the same write. */
export interface Claim {
  readonly key: number;
  /** Called once that is written. */
  done(): void;
}

export interface LogNeeds {
  readonly me: places.Me;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly entriesPerChatMax: number;
  /** The server has accepted that number of this device. */
  readonly accepted: (number: number) => void;
  /** Items that these entries, or the cursor being there, settle. */
  readonly claim: (chatId: ChatId, entries: readonly Entry[], seq: number) => readonly Claim[];
  /** There is a gap between the cursor and what was heard of. */
  readonly gap: (place: Place) => void;
  /** The entries are kept. Ascending; none missing between this and the last call for the chat that this user may see. */
  readonly placed: (place: Place, entries: readonly Entry[]) => void;
}

/** Of what is kept, this part more than the limit is let grow before it is cut, so that cutting is rare. */
const trimSlack = 0.25;

export class Log {
  readonly places = new Map<ChatId, Place>();
  private readonly needs: LogNeeds;

  constructor(needs: LogNeeds, kept: readonly ChatPlace[]) {
    this.needs = needs;
    for (const now of kept) {
      this.places.set(now.chatId, { now, held: new Map() });
      needs.accepted(now.accepted);
    }
  }

  place(chatId: ChatId): Place {
    let place = this.places.get(chatId);
    if (place === undefined) {
      place = { now: places.emptyPlace(chatId), held: new Map() };
      this.places.set(chatId, place);
    }
    return place;
  }

  /** Changes what is known of a chat apart from its entries. The write may be waited for, or not. */
  update(chatId: ChatId, change: (now: ChatPlace) => ChatPlace): Promise<void> {
    const place = this.place(chatId);
    const next = change(place.now);
    if (next === place.now) return Promise.resolve();
    place.now = next;
    return this.needs.journal.write([{ kind: 'place', place: next }]);
  }

  /** The chat's log is said to go up to `seq`. */
  hear(chatId: ChatId, seq: number): void {
    const place = this.place(chatId);
    const { firstSightEntriesMax } = this.needs.policy;
    const { now } = place;
    if (now.seq === 0 && now.heard === 0 && seq > firstSightEntriesMax) place.now = places.begunAt(now, seq - firstSightEntriesMax);
    if (seq > place.now.heard) place.now = { ...place.now, heard: seq };
    if (place.now.heard > place.now.seq) this.needs.gap(place);
  }

  /** An entry that was pushed, or an own one made from `sent`. */
  offer(entry: Entry): void {
    const place = this.place(entry.chatId);
    if (entry.seq <= place.now.seq) return;
    if (this.needs.journal.backlog > this.needs.policy.unwrittenMax) return this.hear(entry.chatId, entry.seq);
    if (places.fits(place.now, entry)) return this.advance(place, [entry], entry.seq);
    if (place.held.size < this.needs.policy.heldPerChatMax) place.held.set(entry.seq, entry);
    this.hear(entry.chatId, entry.seq);
  }

  /** The answer to a pull that asked for entries up to `upTo`. False where it does not join on to the cursor. */
  fill(chatId: ChatId, { from, through, head, entries }: Entries, upTo: number): boolean {
    const place = this.place(chatId);
    if (from > place.now.seq + 1) return false;
    if (through > place.now.seq) this.advance(place, entries, through);
    // Asked for `upTo`, the server knows of nothing beyond `head`: what was heard of up to there does not exist.
    const { seq, heard } = place.now;
    if (heard > seq && seq >= head && heard <= upTo && place.held.size === 0) place.now = { ...place.now, heard: seq };
    return true;
  }

  /** The server has another history. */
  forget(incarnation: string): Promise<void> {
    this.places.clear();
    return this.needs.journal.write([{ kind: 'newHistory', incarnation }], { sync: true });
  }

  private advance(place: Place, entries: readonly Entry[], through: number): void {
    const { me, journal, claim, placed } = this.needs;
    const fresh: Entry[] = [];
    const take = (given: Entry): void => {
      const entry = places.counted(place.now, given);
      if (place.now.seq === place.now.floor && entry.seq > place.now.seq + 1) place.now = { ...place.now, floor: entry.seq - 1 };
      place.now = places.after(place.now, entry, me);
      if (entry.device === me.deviceId) this.needs.accepted(entry.number);
      fresh.push(entry);
    };
    for (const entry of entries) if (entry.seq > place.now.seq && entry.seq <= through) take(entry);
    if (through > place.now.seq) place.now = { ...place.now, seq: through, heard: Math.max(place.now.heard, through) };
    for (let next = place.held.get(place.now.seq + 1); next !== undefined && places.fits(place.now, next); next = place.held.get(place.now.seq + 1)) take(next);
    for (const seq of place.held.keys()) if (seq <= place.now.seq) place.held.delete(seq);
    const claims = claim(place.now.chatId, fresh, place.now.seq);
    const trimmed = this.trimmed(place);
    const changes: Change[] = [...fresh.map((entry): Change => ({ kind: 'entry', entry })), ...trimmed, { kind: 'place', place: place.now }];
    for (const { key } of claims) changes.push({ kind: 'outboxDone', key });
    journal.write(changes).then(
      () => {
        placed(place, fresh);
        for (const { done } of claims) done();
      },
      () => undefined, // the client has been told by the journal
    );
    if (place.now.heard > place.now.seq) this.needs.gap(place);
  }

  private trimmed(place: Place): readonly Change[] {
    const { entriesPerChatMax } = this.needs;
    const { chatId, seq, floor } = place.now;
    if (seq - floor <= entriesPerChatMax * (1 + trimSlack)) return [];
    const upTo = seq - entriesPerChatMax;
    place.now = { ...place.now, floor: upTo };
    return [{ kind: 'trim', chatId, after: floor, upTo }];
  }
}
