// Fills gaps: pulls from the cursor on until it has reached what was heard of, or the server denies that there is such a thing.
import type { Clock, Random } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import { NotConnected, Refused } from './faults.ts';
import type { Journal } from './journal.ts';
import type { Log, Place } from './log.ts';
import type { Policy } from './policy.ts';
import type { Requests } from './requests.ts';
import { retryDelayMs } from './retry.ts';

export interface PullNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly requests: Requests;
  readonly journal: Journal;
  readonly log: () => Log;
  /** Every gap known is closed. */
  readonly idle: () => void;
}

export class Pulls {
  private readonly needs: PullNeeds;
  /** Waiting for a turn. */
  private readonly wanted = new Set<ChatId>();
  private readonly running = new Set<ChatId>();
  /** Failed, and waiting for a timer. */
  private readonly resting = new Set<ChatId>();
  /** Failures in a row. */
  private readonly tries = new Map<ChatId, number>();
  private up = false;
  private limit = 1;

  constructor(needs: PullNeeds) {
    this.needs = needs;
  }

  get isIdle(): boolean {
    return this.wanted.size === 0 && this.running.size === 0 && this.resting.size === 0;
  }

  want({ now: { chatId } }: Place): void {
    if (!this.up || this.resting.has(chatId)) return;
    this.wanted.add(chatId);
    this.run();
  }

  /** A connection stands: every gap that is known of is pulled. */
  start(pullEntriesMax: number): void {
    this.stop();
    this.up = true;
    this.limit = pullEntriesMax;
    for (const place of this.needs.log().places.values()) if (place.now.heard > place.now.seq) this.wanted.add(place.now.chatId);
    this.run();
  }

  stop(): void {
    this.up = false;
    this.wanted.clear();
    this.resting.clear();
    this.tries.clear();
  }

  private run(): void {
    for (const chatId of this.wanted) {
      if (this.running.size >= this.needs.policy.pullsAtOnce) return;
      if (this.running.has(chatId)) continue;
      this.wanted.delete(chatId);
      this.running.add(chatId);
      void this.pull(chatId);
    }
  }

  private async pull(chatId: ChatId): Promise<void> {
    const { requests, journal, log, idle } = this.needs;
    try {
      if (journal.backlog > this.needs.policy.unwrittenMax) await journal.settled();
      const { seq, heard } = log().place(chatId).now;
      if (heard > seq) {
        const answer = await requests.ask({ kind: 'pull', chatId, after: seq, upTo: heard, limit: this.limit });
        const joined = answer.kind === 'entries' && answer.chatId === chatId && log().fill(chatId, answer, heard);
        this.judge(chatId, joined, seq, heard);
      }
    } catch (error) {
      this.failed(chatId, error);
    }
    this.running.delete(chatId);
    this.run();
    if (this.isIdle) idle();
  }

  /** After an answer: done, go on, or (nothing came of it) wait before asking again. */
  private judge(chatId: ChatId, joined: boolean, seqBefore: number, heardBefore: number): void {
    const { now } = this.needs.log().place(chatId);
    if (joined && (now.seq > seqBefore || now.heard <= now.seq || now.heard !== heardBefore)) {
      this.tries.delete(chatId);
      this.resting.delete(chatId); // it was wanted again while it failed, and so went on without the rest
      if (this.up && now.heard > now.seq) this.wanted.add(chatId);
    } else this.later(chatId, null);
  }

  private failed(chatId: ChatId, error: unknown): void {
    if (error instanceof NotConnected) return; // the next connection begins with all gaps
    if (error instanceof Refused && (error.why === 'noSuchChat' || error.why === 'notAMember')) {
      // Nothing more is to be had.
      const place = this.needs.log().place(chatId);
      place.now = { ...place.now, heard: place.now.seq };
      place.held.clear();
      this.tries.delete(chatId);
      return;
    }
    this.later(chatId, error instanceof Refused ? error.retryAfterMs : null);
  }

  private later(chatId: ChatId, retryAfterMs: number | null): void {
    if (!this.up) return;
    const { clock, random, policy } = this.needs;
    const tries = (this.tries.get(chatId) ?? 0) + 1;
    this.tries.set(chatId, tries);
    this.resting.add(chatId);
    clock.after(retryDelayMs(policy, random, tries, retryAfterMs), () => {
      if (this.tries.get(chatId) !== tries || !this.resting.delete(chatId)) return;
      this.want(this.needs.log().place(chatId));
    });
  }
}
