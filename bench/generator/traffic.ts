// Drives the members of one server through windows of load at given rates and says what came of each message.
import { DeliveryChecker } from './checker.ts';
import { Latency } from './latency.ts';
import { pace } from './pace.ts';
import { type Arrivals, Schedule } from './schedule.ts';
import type { Sender, Tally } from './speaker.ts';

export interface Window {
  /** Messages a second, all members together. */
  readonly rate: number;
  /** Load before the measured part, not recorded. */
  readonly warmMs: number;
  readonly measuredMs: number;
  /** What the 99th percentile must stay under; a window that cannot any more ends early. */
  readonly p99MsMax: number;
  /** When the load begins, on this process's clock; left out: now. */
  readonly startMs?: number;
}

/** What one window brought. Counts are of the measured part unless said otherwise. */
export interface WindowResult {
  readonly rate: number;
  readonly measuredMs: number;
  readonly latency: Latency;
  /** `sent` answers, and deliveries, that came while the clock of the measured part ran. */
  readonly accepted: number;
  readonly delivered: number;
  /** Of the whole window, warm-up and drain included. */
  readonly written: number;
  readonly received: number;
  readonly lost: number;
  /** Deliveries that were expected and have not come, where another generator expects those that came here: may be below zero, and only the sum of all says what was lost. */
  readonly missing: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly healed: number;
  readonly blocked: number;
  readonly refused: number;
  readonly endedEarly: boolean;
  /** Undefined unless the server did something that no working server does. */
  readonly broken: string | undefined;
}

/** Called as the measured part begins and as it ends: for whoever reads the processes' clocks. */
export interface WindowMarks {
  begin(): void;
  end(): void;
}

export interface TrafficOptions {
  /** (receiver, sender) pairs in all chats: members squared, summed. */
  readonly flows: number;
  readonly random: () => number;
  readonly arrivals: Arrivals;
  /** See `pace`: higher where many frames a second reach each socket and the latency limit is wide. */
  readonly restMsMax: number;
  /** Whether all that was sent has come; left out: what this generator sent. One of several cannot tell by itself. */
  readonly isWhole?: (standing: Standing) => boolean;
}

/** How far a generator is in the window under way. */
export interface Standing {
  readonly messages: number;
  readonly accepted: number;
  readonly expected: number;
  readonly received: number;
}

const wholeAlone = ({ messages, accepted, expected, received }: Standing): boolean => accepted >= messages && received >= expected;

const sendsPerTurnMax = 4_096; // then the sockets get their turn
const backlogMax = 200_000; // messages due and not accepted: the server is far behind
const drainMsMax = 15_000;
const acknowledgeEveryMs = 1_000;

export class Traffic implements Tally {
  readonly #members: Sender[] = [];
  readonly #random: () => number;
  readonly #arrivals: Arrivals;
  readonly #restMsMax: number;
  readonly #isWhole: (standing: Standing) => boolean;
  readonly #checker: DeliveryChecker;
  #latency = new Latency();
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;
  #accepted = 0;
  #expected = 0;
  #messages = 0;
  #blocked = 0;
  #refused = 0;
  #broken: string | undefined;
  #acknowledgedTo = 0;
  #acknowledgedAtMs = 0;
  #givenUp = false;
  #before: Counts = noCounts;

  constructor({ flows, random, arrivals, restMsMax, isWhole = wholeAlone }: TrafficOptions) {
    this.#isWhole = isWhole;
    this.#random = random;
    this.#arrivals = arrivals;
    this.#restMsMax = restMsMax;
    this.#checker = new DeliveryChecker(flows);
  }

  /** From now on the member sends its share. */
  join(member: Sender): void {
    this.#members.push(member);
  }

  /** Ends the window under way as if it had become hopeless. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** How the window under way stands. */
  look(): { readonly p99Ms: number | null; readonly received: number } {
    return { p99Ms: this.#latency.ms(99), received: this.#checker.received };
  }

  blocked(): void {
    this.#blocked += 1;
  }

  accepted(): void {
    this.#accepted += 1;
  }

  refused(): void {
    this.#refused += 1;
  }

  broken(why: string): void {
    this.#broken ??= why;
  }

  pushed(flow: number, counter: number, dueMs: number, atMs: number): void {
    this.#checker.pushed(flow, counter);
    if (dueMs >= this.#fromMs && dueMs < this.#toMs) this.#latency.record(atMs - dueMs);
  }

  pulled(flow: number, counter: number, dueMs: number, atMs: number): void {
    const before = this.#checker.received;
    this.#checker.pulled(flow, counter);
    if (this.#checker.received > before && dueMs >= this.#fromMs && dueMs < this.#toMs) this.#latency.record(atMs - dueMs);
  }

  /** One window: load for `warmMs + measuredMs`, then whatever is under way comes in. */
  async window({ rate, warmMs, measuredMs, p99MsMax, startMs = performance.now() }: Window, marks: WindowMarks): Promise<WindowResult> {
    this.#givenUp = false;
    const before = this.#counts();
    this.#before = before;
    const schedule = new Schedule({ startMs, rate, arrivals: this.#arrivals, random: this.#random });
    this.#latency = new Latency(p99MsMax);
    this.#fromMs = startMs + warmMs;
    this.#toMs = this.#fromMs + measuredMs;
    this.#acknowledgedAtMs = startMs;
    const hopeless = rate * (measuredMs / 1_000) * this.#deliveriesPerMessage() * 0.011;
    const over = () => this.#givenUp || this.#broken !== undefined || this.#isFarBehind();
    const tooLate = () => this.#latency.over > hopeless || over();
    await this.#until(this.#fromMs, schedule, over);
    const atBegin = this.#counts();
    const beganMs = performance.now();
    marks.begin();
    const endedEarly = await this.#until(this.#toMs, schedule, tooLate);
    marks.end();
    const atEnd = this.#counts();
    const endedMs = performance.now();
    await this.#drain(endedEarly);
    const after = this.#counts();
    return {
      rate,
      measuredMs: endedMs - beganMs,
      latency: this.#latency,
      endedEarly,
      broken: this.#broken,
      accepted: atEnd.accepted - atBegin.accepted,
      delivered: atEnd.received - atBegin.received,
      written: after.messages - before.messages,
      received: after.received - before.received,
      lost: Math.max(0, after.expected - after.received - (before.expected - before.received)),
      missing: after.expected - after.received - (before.expected - before.received),
      doubled: after.doubled - before.doubled,
      reordered: after.reordered - before.reordered,
      healed: after.healed - before.healed,
      blocked: after.blocked - before.blocked,
      refused: after.refused - before.refused,
    };
  }

  /** Sends what falls due until `untilMs`; true if it gave up before. */
  async #until(untilMs: number, schedule: Schedule, giveUp: () => boolean): Promise<boolean> {
    let gaveUp = false;
    await pace((nowMs) => {
      const toMs = Math.min(nowMs, untilMs);
      for (let sends = 0; schedule.nextMs < toMs && sends < sendsPerTurnMax; sends += 1) this.#send(schedule.take());
      this.#acknowledge(nowMs);
      gaveUp = giveUp();
      return !gaveUp && (nowMs < untilMs || schedule.nextMs < untilMs);
    }, this.#restMsMax);
    return gaveUp;
  }

  #send(dueMs: number): void {
    const member = this.#members[Math.floor(this.#random() * this.#members.length)] as Sender;
    this.#messages += 1;
    this.#expected += member.chatMembers - 1;
    member.send(dueMs);
  }

  /** Each member once a second, spread evenly. */
  #acknowledge(nowMs: number): void {
    const due = Math.min(this.#members.length, Math.floor(((nowMs - this.#acknowledgedAtMs) / acknowledgeEveryMs) * this.#members.length));
    if (due === 0) return;
    this.#acknowledgedAtMs = nowMs;
    for (let done = 0; done < due; done += 1) {
      this.#members[this.#acknowledgedTo]?.acknowledge();
      this.#acknowledgedTo = (this.#acknowledgedTo + 1) % this.#members.length;
    }
  }

  async #drain(gaveUp: boolean): Promise<void> {
    if (gaveUp) this.#forgetUnwritten();
    const untilMs = performance.now() + drainMsMax;
    await pace((nowMs) => {
      this.#acknowledge(nowMs);
      const whole = this.#isWhole(this.#standing());
      return !whole && nowMs < untilMs && this.#broken === undefined;
    }, this.#restMsMax);
  }

  /** Messages that never left the generator were neither sent nor lost. */
  #forgetUnwritten(): void {
    for (const member of this.#members) {
      const dropped = member.giveUpWaiting();
      this.#messages -= dropped;
      this.#expected -= dropped * (member.chatMembers - 1);
    }
  }

  /** Messages that are not accepted, or, where a protocol accepts at once, deliveries that are not here. */
  #isFarBehind(): boolean {
    const { messages, accepted, expected, received } = this.#standing();
    return messages - accepted > backlogMax || (expected - received) / this.#deliveriesPerMessage() > backlogMax;
  }

  #standing(): Standing {
    const { messages, accepted, expected, received } = this.#before;
    return {
      messages: this.#messages - messages,
      accepted: this.#accepted - accepted,
      expected: this.#expected - expected,
      received: this.#checker.received - received,
    };
  }

  #deliveriesPerMessage(): number {
    return (this.#members[0]?.chatMembers ?? 2) - 1;
  }

  #counts(): Counts {
    const { received, doubled, reordered, healed } = this.#checker;
    return { accepted: this.#accepted, messages: this.#messages, expected: this.#expected, blocked: this.#blocked, refused: this.#refused, received, doubled, reordered, healed };
  }
}

const noCounts: Counts = { accepted: 0, messages: 0, expected: 0, blocked: 0, refused: 0, received: 0, doubled: 0, reordered: 0, healed: 0 };

interface Counts {
  readonly accepted: number;
  readonly messages: number;
  readonly expected: number;
  readonly blocked: number;
  readonly refused: number;
  readonly received: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly healed: number;
}
