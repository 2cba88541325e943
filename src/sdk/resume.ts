// After every connection: tells the server what this device has, hears what moved, and has that pulled.
import type { Welcome } from '../protocol/connection.ts';
import type { Moved } from '../protocol/sync.ts';
import type { Clock, Random } from '../structures/clock.ts';
import { NotConnected, Refused } from './faults.ts';
import type { Log } from './log.ts';
import type { Policy } from './policy.ts';
import type { Pulls } from './pulls.ts';
import type { Receipts } from './receipts.ts';
import type { Asking, Requests } from './requests.ts';
import { retryDelayMs } from './retry.ts';

export interface ResumeNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly requests: Requests;
  readonly log: () => Log;
  readonly pulls: Pulls;
  readonly receipts: Receipts;
  /** The server has another history than this device's cursors. */
  readonly newHistory: (incarnation: string, former: string) => void;
  /** Told what moved, and every gap is closed. Once per connection and lag. */
  readonly synced: () => void;
}

/** The server takes no more chats of one user at once than this many full frames hold. */
const framesMax = 10;

export class Resume {
  private readonly needs: ResumeNeeds;
  private incarnation = '';
  private cursorsMax = 1;
  /** Of the present connection; 0: none. */
  private round = 0;
  private connection = 0;
  private asking = false;
  private again = false;
  private answered = false;

  constructor(needs: ResumeNeeds, incarnation: string) {
    this.needs = needs;
    this.incarnation = incarnation;
  }

  start({ incarnation, cursorsPerResumeMax }: Welcome): void {
    this.connection += 1;
    this.cursorsMax = cursorsPerResumeMax;
    if (incarnation !== this.incarnation) this.changed(incarnation);
    this.answered = false;
    void this.ask();
  }

  stop(): void {
    this.connection += 1;
    this.asking = false;
    this.again = false;
  }

  /** Pushes were left out. */
  lagging(): void {
    this.answered = false;
    if (this.asking) this.again = true;
    else void this.ask();
  }

  moved({ rows }: Moved): void {
    for (const row of rows) {
      this.needs.log().hear(row.chatId, row.head);
      this.needs.receipts.moved(row);
    }
  }

  /** Every gap is closed. */
  idle(): void {
    if (!this.answered || !this.needs.pulls.isIdle) return;
    this.answered = false;
    this.needs.synced();
  }

  private async ask(): Promise<void> {
    const { connection } = this;
    this.asking = true;
    this.round += 1;
    try {
      const answer = await this.needs.requests.ask(...this.frames());
      if (connection !== this.connection) return;
      this.asking = false;
      if (answer.kind === 'incarnationChanged') {
        this.changed(answer.incarnation);
        return void this.ask();
      }
      this.round = 0;
    } catch (error) {
      if (connection !== this.connection || error instanceof NotConnected) return;
      this.asking = false;
      return this.later(error instanceof Refused ? error.retryAfterMs : null);
    }
    if (this.again) {
      this.again = false;
      return void this.ask();
    }
    this.answered = true;
    this.idle();
  }

  private later(retryAfterMs: number | null): void {
    const { clock, random, policy } = this.needs;
    const { connection } = this;
    clock.after(retryDelayMs(policy, random, this.round, retryAfterMs), () => {
      if (connection === this.connection && !this.asking) void this.ask();
    });
  }

  private frames(): Asking[] {
    const { log, receipts } = this.needs;
    const places = [...log().places.values()].filter(({ now }) => now.seq > 0);
    // More chats than the server takes: those with the newest entries; the others it will report as moved, and they turn out not to have.
    if (places.length > framesMax * this.cursorsMax) places.sort((one, other) => other.now.atMs - one.now.atMs).length = framesMax * this.cursorsMax;
    const cursors = places.map(({ now: { chatId, seq } }) => ({ chatId, seq, receiptsVersion: receipts.versionOf(chatId) }));
    const frames: Asking[] = [];
    for (let at = 0; at === 0 || at < cursors.length; at += this.cursorsMax) {
      frames.push({ kind: 'resume', incarnation: this.incarnation, cursors: cursors.slice(at, at + this.cursorsMax), last: at + this.cursorsMax >= cursors.length });
    }
    return frames;
  }

  private changed(incarnation: string): void {
    const former = this.incarnation;
    this.incarnation = incarnation;
    this.needs.newHistory(incarnation, former);
  }
}
