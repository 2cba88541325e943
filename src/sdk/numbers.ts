// Send numbers: rising for as long as the device lives, whatever its clock does and however old its backup is.
import { limits, numbersPerMs } from '../protocol/limits.ts';
import type { Clock } from '../structures/clock.ts';
import { numberMin } from './requests.ts';

export class Numbers {
  private readonly clock: Clock;
  private last: number;
  /** The server's clock minus this device's, as of the last welcome. */
  private aheadMs = 0;

  constructor(clock: Clock, last: number) {
    this.clock = clock;
    this.last = last;
  }

  /** This device's idea of the server's clock. */
  serverNowMs(): number {
    return Math.max(0, this.clock.nowMs() + this.aheadMs);
  }

  welcomed(serverTimeMs: number): void {
    this.aheadMs = serverTimeMs - this.clock.nowMs();
  }

  /** The next one; to be kept durably, as `lastNumber`, before it is used. */
  draw(): number {
    this.last = Math.max(this.last + 1, Math.floor(this.serverNowMs()) * numbersPerMs, numberMin);
    return this.last;
  }

  /**
   * After `clockOff`: numbers were counted from a clock far ahead. Begins again above those that were accepted anywhere, if the last one is
   * still beyond what the server takes (a second refusal of the same sort must not make numbers that were already given anew).
   */
  recount(acceptedMax: number): void {
    if (this.last > (this.serverNowMs() + limits.clockAheadMsMax) * numbersPerMs) this.last = acceptedMax;
  }
}
