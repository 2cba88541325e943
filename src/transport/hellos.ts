// Sockets that have not said a good hello yet: each has some time for it, and nothing else is heard from it.
import { encodeFrame, type FromDevice, type Unknown } from '../protocol/codec.ts';
import type { Hello } from '../protocol/connection.ts';
import type { CloseWhy } from '../protocol/errors.ts';
import type { Verified } from '../services/tokens.ts';
import type { Clock, Random } from '../structures/clock.ts';
import type { DeviceId, UserId } from '../structures/ids.ts';
import { Entering } from './entering.ts';
import type { Socket } from './server.ts';

/** Whose socket it is. */
export interface Attached {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}
export type Judged = Verified | 'wrong' | 'expired';

export interface HelloNeeds {
  readonly clock: Clock;
  readonly random: Random;
  /** Begins the check now, or when its turn comes; false: too many wait. */
  admit(check: () => Promise<void>): boolean;
  readonly helloTimeoutMs: number;
  verifyAccess(token: string): Judged | Promise<Judged>;
  /** Whether the device is still logged in, as it was by this token. */
  deviceGood(token: Verified): Promise<boolean>;
  readonly counts: { authFailures: number };
  /** A fault that cost a connection, for the log. */
  onFault(fault: unknown): void;
  /** The hello was good; what the device sent behind it comes along. */
  attach(socket: Socket, whose: Attached, behind: readonly (FromDevice | Unknown)[]): void;
  end(socket: Socket, why: CloseWhy): void;
}

interface Pending {
  /** Since when there is something to be waited for: the hello, the end of its check, or that a device leaves that was sent away. By `#sweptMs`. */
  sinceMs: number;
  /** Frames that came while the token was being checked. */
  readonly behind: (FromDevice | Unknown)[];
  /** Whose token is being checked. */
  checking: DeviceId | undefined;
  /** It was logged out while that was under way. */
  revoked: boolean;
  /** How it counts among those that were let come. */
  entering: 'silent' | 'heard' | 'done';
}

/** Frames that a device may send behind its hello before the welcome. */
const behindMax = 64;
const sweepEveryMs = 1_000;
/** A device whose hello is one too many is told to come back after so long. */
const comeBack = { afterMsMin: 1_000, afterMsMax: 5_000 };

export class Hellos {
  readonly #needs: HelloNeeds;
  readonly #pending = new Map<Socket, Pending>();
  #sweeping = false;
  /** What sweeps have taken, as their timers tell it: the clock may jump, and a process that stood still has not heard what came meanwhile. */
  #sweptMs = 0;
  readonly #entering = new Entering();

  constructor(needs: HelloNeeds) {
    this.#needs = needs;
  }

  get count(): number {
    return this.#pending.size;
  }

  sockets(): readonly Socket[] {
    return [...this.#pending.keys()];
  }

  /** Calls `open`, which lets a connection come; resolves when its hello has been checked, or is long in coming, or will not come. */
  opening(open: () => void): Promise<void> {
    const entered = this.#entering.next(this.#needs.clock);
    open();
    return entered;
  }

  opened(socket: Socket): void {
    this.#pending.set(socket, { sinceMs: this.#sweptMs, behind: [], checking: undefined, revoked: false, entering: 'silent' });
    if (!this.#sweeping) this.#needs.clock.after(sweepEveryMs, () => this.#sweep());
    this.#sweeping = true;
  }

  forget(socket: Socket): void {
    this.#take(socket);
  }

  received(socket: Socket, frame: FromDevice | Unknown): void {
    const { counts, end, onFault } = this.#needs;
    const pending = this.#pending.get(socket);
    if (pending === undefined) return; // closing
    if (pending.checking !== undefined) {
      if (pending.behind.length < behindMax) pending.behind.push(frame);
      else end(socket, 'unauthenticated');
    } else if (frame.kind === 'hello') {
      pending.checking = frame.deviceId;
      pending.entering = 'heard';
      this.#entering.heard();
      pending.sinceMs = Number.POSITIVE_INFINITY; // the device has done its part; how long it waits for its turn is for the device to judge
      const check = async (): Promise<void> => {
        if (this.#pending.get(socket) !== pending) return; // gone meanwhile
        pending.sinceMs = this.#sweptMs;
        await this.#hello(socket, frame, pending).catch((fault: unknown) => {
          onFault(fault);
          end(socket, 'internal');
        });
      };
      if (!this.#needs.admit(check)) this.#sendAway(socket, pending);
    } else {
      counts.authFailures += 1;
      end(socket, 'unauthenticated');
    }
  }

  /** A device was logged out: a hello of it that is being checked must not pass. */
  revoked(deviceId: DeviceId): void {
    for (const pending of this.#pending.values()) if (pending.checking === deviceId) pending.revoked = true;
  }

  async #hello(socket: Socket, frame: Hello, pending: Pending): Promise<void> {
    const { verifyAccess, counts, end, attach } = this.#needs;
    if (frame.version < 1) return end(socket, 'versionUnknown');
    const judged = verifyAccess(frame.token);
    const verified = judged instanceof Promise ? await judged : judged;
    const why = (await this.#objection(verified, frame)) ?? (pending.revoked ? 'loggedOut' : undefined);
    if (why !== undefined) {
      counts.authFailures += 1;
      return end(socket, why);
    }
    if (!this.#take(socket)) return; // gone meanwhile
    const { userId, deviceId } = verified as Attached;
    attach(socket, { userId, deviceId }, pending.behind);
  }

  async #objection(verified: Judged, { deviceId }: Hello): Promise<CloseWhy | undefined> {
    if (verified === 'expired') return 'tokenExpired';
    if (verified === 'wrong' || verified.deviceId !== deviceId) return 'unauthenticated';
    return (await this.#needs.deviceGood(verified)) ? undefined : 'loggedOut';
  }

  /** False if it is not there any more. */
  #take(socket: Socket): boolean {
    const pending = this.#pending.get(socket);
    if (pending === undefined) return false;
    this.#entered(pending);
    return this.#pending.delete(socket);
  }

  /** It leaves by itself, and comes back at a moment of its own; one that does not is closed like one that says no hello. */
  #sendAway(socket: Socket, pending: Pending): void {
    const { random } = this.#needs;
    const { afterMsMin, afterMsMax } = comeBack;
    pending.sinceMs = this.#sweptMs;
    this.#entered(pending);
    socket.send(encodeFrame({ kind: 'move', afterMs: Math.floor(afterMsMin + random() * (afterMsMax - afterMsMin)), url: null }));
  }

  #entered(pending: Pending): void {
    if (pending.entering !== 'done') this.#entering.done(pending.entering);
    pending.entering = 'done';
  }

  #sweep(): void {
    const { clock, helloTimeoutMs, end } = this.#needs;
    this.#sweptMs += sweepEveryMs;
    const before = this.#sweptMs - sweepEveryMs - helloTimeoutMs; // it may have been opened just before a sweep
    for (const [socket, { sinceMs }] of this.#pending) if (sinceMs <= before) end(socket, 'helloTimeout');
    this.#sweeping = this.#pending.size > 0;
    if (this.#sweeping) clock.after(sweepEveryMs, () => this.#sweep());
  }
}
