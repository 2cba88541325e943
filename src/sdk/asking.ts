// A program's questions: they wait a while for a connection, and go again when the server was busy.
import type { ToDevice } from '../protocol/codec.ts';
import type { Clock, Random } from '../structures/clock.ts';
import { Closed, NotConnected, Refused } from './faults.ts';
import type { Policy } from './policy.ts';
import type { Asking, Requests } from './requests.ts';
import { retryDelayMs } from './retry.ts';

export interface QuestionNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly requests: Requests;
  readonly isUp: () => boolean;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Questions {
  private readonly needs: QuestionNeeds;
  private readonly waiters = new Set<Waiter>();
  private closed = false;

  constructor(needs: QuestionNeeds) {
    this.needs = needs;
  }

  /** Rejects with Refused, NotConnected, Unanswered, TooMuchWaiting or Closed. */
  async ask<Kind extends ToDevice['kind']>(frame: Asking, kind: Kind): Promise<Extract<ToDevice, { kind: Kind }>> {
    const { clock, policy, random, requests } = this.needs;
    const deadlineMs = clock.nowMs() + policy.askTimeoutMs;
    for (let tries = 1; ; ) {
      await this.connected(deadlineMs);
      try {
        const answer = await requests.ask(frame);
        if (answer.kind !== kind) throw new Error(`${answer.kind} is no answer to ${frame.kind}`);
        return answer as Extract<ToDevice, { kind: Kind }>;
      } catch (error) {
        if (error instanceof NotConnected) continue; // `connected` says when it is enough
        if (!(error instanceof Refused) || error.action !== 'later') throw error;
        const delayMs = retryDelayMs(policy, random, tries, error.retryAfterMs);
        if (clock.nowMs() + delayMs > deadlineMs) throw error;
        tries += 1;
        await new Promise<void>((resolve, reject) => this.waitFor(delayMs, resolve, reject));
      }
    }
  }

  start(): void {
    for (const waiter of [...this.waiters]) waiter.resolve();
  }

  close(): void {
    this.closed = true;
    for (const waiter of [...this.waiters]) waiter.reject(new Closed('this client was closed'));
  }

  private connected(deadlineMs: number): Promise<void> {
    if (this.closed) return Promise.reject(new Closed('this client was closed'));
    if (this.needs.isUp()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.needs.clock.after(Math.max(0, deadlineMs - this.needs.clock.nowMs()), () => waiter.reject(new NotConnected('there is no connection to the server')));
      const waiter: Waiter = {
        resolve: () => {
          timer.cancel();
          this.waiters.delete(waiter);
          resolve();
        },
        reject: (error) => {
          timer.cancel();
          this.waiters.delete(waiter);
          reject(error);
        },
      };
      this.waiters.add(waiter);
    });
  }

  private waitFor(delayMs: number, resolve: () => void, reject: (error: Error) => void): void {
    if (this.closed) return reject(new Closed('this client was closed'));
    this.needs.clock.after(delayMs, resolve);
  }
}
