// Keeps one connection to the server: dials, says hello, watches its pulse, and comes back with jittered backoff.
import { decodeToDevice, encodeFrame, type FromDevice, Malformed, type ToDevice, type Unknown } from '../protocol/codec.ts';
import type { Move, Welcome } from '../protocol/connection.ts';
import { type CloseReason, type CloseWhy, closes } from '../protocol/errors.ts';
import { protocolVersion } from '../protocol/version.ts';
import type { Clock, Random, Timer } from '../structures/clock.ts';
import type { DeviceId } from '../structures/ids.ts';
import { LoggedOut } from './faults.ts';
import type { Policy } from './policy.ts';
import type { Dial, Wire } from './wire.ts';

/** Why a connection ended: a close code's name, or what happened without one. */
export type DownWhy = CloseWhy | 'lost' | 'unreachable' | 'silent' | 'noWelcome' | 'moved' | 'noToken';
/** Why the client does not connect any more by itself. */
export type StopWhy = CloseWhy | 'closed';

export interface ConnectionNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly dial: Dial;
  readonly deviceId: DeviceId;
  /** Name and version of the program. */
  readonly program: string;
  /** Rejects with LoggedOut when there is none to be had any more; with anything else: try again later. `fresh`: the last one was not accepted. */
  readonly accessToken: (fresh: boolean) => Promise<string>;
}

export interface ConnectionEvents {
  up(welcome: Welcome): void;
  /** `retryInMs`: when it will be tried again. Comes after each failed attempt too. */
  down(why: DownWhy, retryInMs: number): void;
  frame(frame: Exclude<ToDevice, { kind: 'welcome' | 'move' }>): void;
  stopped(why: StopWhy): void;
}

const closesByCode = new Map<number, CloseReason & { readonly why: CloseWhy }>(Object.entries(closes).map(([why, reason]) => [reason.code, { ...reason, why: why as CloseWhy }]));
/** A ping leaves when nothing went or came for this part of the server's heartbeat: it must be there in time. */
const pingAtShare = 0.8;

export class Connection {
  private readonly needs: ConnectionNeeds;
  private readonly events: ConnectionEvents;
  private state: 'stopped' | 'waiting' | 'connecting' | 'up' = 'stopped';
  /** Of the present attempt: what an earlier one still brings is not for us. */
  private attempt = 0;
  private wire: Wire | undefined;
  private timer: Timer | undefined;
  private pulse: Timer | undefined;
  private failures = 0;
  private upAtMs = 0;
  private freshToken = false;
  private heardAtMs = 0;
  private sentAtMs = 0;
  private heartbeatMs = 0;
  /** Where the server has sent this device last, and whether it goes there: if nobody answers, it tries the address that it has always known, and so on by turns. */
  private sentTo: string | undefined;
  private goesThere = false;

  constructor(needs: ConnectionNeeds, events: ConnectionEvents) {
    this.needs = needs;
    this.events = events;
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  /** Also shortens the wait for the next attempt to nothing: the network is back, the user looks. */
  start(): void {
    if (this.state === 'connecting' || this.state === 'up') return;
    this.connect();
  }

  stop(why: StopWhy = 'closed'): void {
    if (this.state === 'stopped') return;
    this.letGo();
    this.state = 'stopped';
    this.events.stopped(why);
  }

  /** False, and nothing sent, while there is no connection. */
  send(frame: FromDevice): boolean {
    if (this.state !== 'up' || this.wire === undefined) return false;
    this.sentAtMs = this.needs.clock.nowMs();
    this.wire.send(encodeFrame(frame));
    return true;
  }

  /** The server no longer takes this token: get another one and connect again. */
  relogin(): void {
    this.freshToken = true;
    this.retry('unauthenticated');
  }

  private connect(): void {
    this.letGo();
    this.state = 'connecting';
    const attempt = this.attempt;
    const fresh = this.freshToken;
    this.needs.accessToken(fresh).then(
      (token) => {
        if (attempt !== this.attempt) return;
        this.freshToken = false;
        this.dial(token);
      },
      (error: unknown) => {
        if (attempt !== this.attempt) return;
        if (error instanceof LoggedOut) this.stop('loggedOut');
        else this.retry('noToken');
      },
    );
  }

  private dial(token: string): void {
    const { clock, policy, deviceId, program } = this.needs;
    const attempt = this.attempt;
    const ours = (job: () => void) => attempt === this.attempt && job();
    this.timer = clock.after(policy.welcomeTimeoutMs, () => ours(() => this.retry('noWelcome')));
    const hello = encodeFrame({ kind: 'hello', version: protocolVersion, token, deviceId, client: program });
    const events = {
      opened: () => ours(() => wire.send(hello)),
      received: (bytes: Uint8Array) => ours(() => this.received(bytes)),
      closed: (code: number) => ours(() => this.closed(code)),
    };
    const wire: Wire = this.goesThere && this.sentTo !== undefined ? this.needs.dial(events, this.sentTo) : this.needs.dial(events);
    this.wire = wire;
  }

  private received(bytes: Uint8Array): void {
    this.heardAtMs = this.needs.clock.nowMs();
    let frame: ToDevice | Unknown;
    try {
      frame = decodeToDevice(bytes);
    } catch (error) {
      if (error instanceof Malformed) return this.retry('malformed');
      throw error;
    }
    if (frame.kind === 'unknown') return; // of a newer server: what it says is not for this version
    if (frame.kind === 'welcome') this.welcomed(frame);
    else if (frame.kind === 'move') this.move(frame);
    else if (this.state === 'up') this.events.frame(frame);
  }

  private welcomed(welcome: Welcome): void {
    if (this.state === 'up') return;
    this.timer?.cancel();
    this.state = 'up';
    this.upAtMs = this.needs.clock.nowMs();
    this.sentAtMs = this.upAtMs;
    this.heartbeatMs = Math.max(1, welcome.heartbeatMs);
    this.beat();
    this.events.up(welcome);
  }

  /** Pings when it has been quiet, and gives the connection up when twice the heartbeat brought nothing. */
  private beat(): void {
    const { clock } = this.needs;
    const nowMs = clock.nowMs();
    const deadAtMs = this.heardAtMs + 2 * this.heartbeatMs;
    if (nowMs >= deadAtMs) return this.retry('silent');
    let pingAtMs = Math.min(this.heardAtMs, this.sentAtMs) + pingAtShare * this.heartbeatMs;
    if (nowMs >= pingAtMs) {
      this.send({ kind: 'ping', request: 0 });
      pingAtMs = nowMs + pingAtShare * this.heartbeatMs;
    }
    const attempt = this.attempt;
    this.pulse = clock.after(Math.max(1, Math.min(pingAtMs, deadAtMs) - nowMs), () => attempt === this.attempt && this.beat());
  }

  /** The server goes away: connect again when it says so. Until then this connection serves. */
  private move({ afterMs, url }: Move): void {
    const attempt = this.attempt;
    this.sentTo = url !== null && isSocketUrl(url) ? url : this.sentTo;
    this.goesThere = url !== null && isSocketUrl(url);
    this.timer?.cancel();
    this.timer = this.needs.clock.after(afterMs, () => {
      if (attempt !== this.attempt) return;
      this.letGo();
      this.events.down('moved', 0);
      this.connect();
    });
  }

  private closed(code: number): void {
    const reason = closesByCode.get(code);
    if (reason === undefined) return this.retry(this.state === 'up' ? 'lost' : 'unreachable');
    if (reason.action === 'never') return this.stop(reason.why);
    if (reason.action === 'afterLogin') this.freshToken = true;
    this.retry(reason.why);
  }

  /** Full jitter: any time up to the bound, so that those who were cut off together do not come back together. */
  private retry(why: DownWhy): void {
    const { clock, random, policy } = this.needs;
    if (this.state === 'up' && clock.nowMs() - this.upAtMs >= policy.steadyMs) this.failures = 0;
    if (this.state === 'connecting') this.goesThere = !this.goesThere;
    this.letGo();
    this.state = 'waiting';
    const delayMs = random() * Math.min(policy.reconnectMaxMs, policy.reconnectMinMs * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 30);
    const attempt = this.attempt;
    this.timer = clock.after(delayMs, () => attempt === this.attempt && this.connect());
    this.events.down(why, delayMs);
  }

  private letGo(): void {
    this.attempt += 1;
    this.timer?.cancel();
    this.pulse?.cancel();
    const wire = this.wire;
    this.wire = undefined;
    wire?.close();
  }
}

/** What a server says is data: a browser would throw on anything else. */
function isSocketUrl(url: string): boolean {
  return /^wss?:\/\/[^\s]+$/.test(url);
}
