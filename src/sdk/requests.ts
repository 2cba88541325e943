// Questions to the server and their answers, by correlation id.
import type { FromDevice, ToDevice } from '../protocol/codec.ts';
import type { Clock, Random, Timer } from '../structures/clock.ts';
import { NotConnected, Refused, TooMuchWaiting, Unanswered } from './faults.ts';
import type { Policy } from './policy.ts';

/** Send numbers begin here, so that a refusal's `request` is never ambiguous. */
export const numberMin = 2 ** 32;

type Question = Extract<FromDevice, { request: number }>;
/** A question before it has got its id. */
export type Asking = Question extends infer One ? (One extends Question ? Omit<One, 'request'> : never) : never;

interface Pending {
  readonly resolve: (answer: ToDevice) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}
interface Queued {
  readonly frames: readonly Asking[];
  readonly resolve: (answer: ToDevice) => void;
  readonly reject: (error: Error) => void;
}

export class Requests {
  private readonly clock: Clock;
  private readonly policy: Policy;
  /** False while there is no connection. */
  private readonly send: (frame: FromDevice) => boolean;
  private readonly pending = new Map<number, Pending>();
  private queue: Queued[] = [];
  /** Begins at random: the server may still have an answer on its way to a former life of this device, which must not be taken for one to this life's. */
  private last: number;

  constructor(clock: Clock, random: Random, policy: Policy, send: (frame: FromDevice) => boolean) {
    this.clock = clock;
    this.last = Math.floor(random() * numberMin);
    this.policy = policy;
    this.send = send;
  }

  /** Rejects with Refused, NotConnected, Unanswered or TooMuchWaiting. Frames of one question (a long `resume`) share its id and its answer. */
  ask(...frames: readonly Asking[]): Promise<ToDevice> {
    return new Promise((resolve, reject) => {
      if (this.queue.length >= this.policy.requestsWaitingMax) reject(new TooMuchWaiting('too many requests wait already'));
      else if (this.pending.size >= this.policy.requestsAtOnce) this.queue.push({ frames, resolve, reject });
      else this.start({ frames, resolve, reject });
    });
  }

  /** The last part of an answer. False if nobody has asked. */
  answered(request: number, answer: ToDevice): boolean {
    const one = this.take(request);
    if (one === undefined) return false;
    if (answer.kind === 'refused') one.reject(new Refused(answer));
    else one.resolve(answer);
    this.next();
    return true;
  }

  /** The connection is gone, and with it every answer. */
  lost(): void {
    const gone = [...this.pending.keys()].map((request) => this.take(request));
    for (const one of [...gone, ...this.queue.splice(0)]) one?.reject(new NotConnected('the connection was lost'));
  }

  private start({ frames, resolve, reject }: Queued): void {
    const request = this.nextId();
    const timer = this.clock.after(this.policy.requestTimeoutMs, () => {
      this.take(request)?.reject(new Unanswered(`no answer to ${frames[0]?.kind}`));
      this.next();
    });
    this.pending.set(request, { resolve, reject, timer });
    for (const frame of frames) {
      if (this.send({ ...frame, request } as FromDevice)) continue;
      this.take(request)?.reject(new NotConnected('there is no connection'));
      return;
    }
  }

  private next(): void {
    while (this.pending.size < this.policy.requestsAtOnce) {
      const one = this.queue.shift();
      if (one === undefined) return;
      this.start(one);
    }
  }

  private take(request: number): Pending | undefined {
    const one = this.pending.get(request);
    this.pending.delete(request);
    one?.timer.cancel();
    return one;
  }

  private nextId(): number {
    do this.last = (this.last + 1) % numberMin;
    while (this.last === 0 || this.pending.has(this.last));
    return this.last;
  }
}
