// Send numbers: rising for as long as the device lives, whatever its clock does and however old its backup is.
import { limits, numbersPerMs } from '../protocol/limits.ts';
import type { Clock, Random } from '../structures/clock.ts';
import { numberMin } from './requests.ts';

/**
 * A storage that was restored from an older copy does not know which numbers were given after it, and a clock that is wrong does not lift it above them. So each opening,
 * each new beginning after `clockOff`, and each number of a former life that is learnt of, is at random up to this far (about a minute) beyond the last number that it knows,
 * and within a millisecond at random as well: two lives never give the same number.
 */
const openingStep = 65_536 * numbersPerMs;

export class Numbers {
  private readonly clock: Clock;
  private readonly random: Random;
  private last: number;
  /** The server's clock minus this device's, as of the last welcome. */
  private aheadMs = 0;

  constructor(clock: Clock, random: Random, last: number) {
    this.clock = clock;
    this.random = random;
    this.last = last === 0 ? 0 : this.beyond(last);
  }

  private beyond(number: number): number {
    return number + Math.floor(this.random() * openingStep);
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
    this.last = Math.max(this.last + 1, Math.floor(this.serverNowMs()) * numbersPerMs + Math.floor(this.random() * numbersPerMs), numberMin);
    return this.last;
  }

  /**
   * The next ones are above that: the server has taken it of this device, or takes only higher ones. One that is not known here was given in a life before this storage
   * was restored, which may have given the next ones too.
   */
  passed(number: number): void {
    if (number > this.last) this.last = this.beyond(number);
  }

  /**
   * After `clockOff`: numbers were counted from a clock far ahead. Begins again above `highestGood`, if the last one is still beyond what the
   * server takes (a second refusal of the same sort must not make numbers that were already given anew).
   */
  recount(highestGood: number): void {
    if (this.isOff(this.last)) this.last = this.beyond(highestGood);
  }

  /** Whether the server would refuse it `clockOff`. */
  isOff(number: number): boolean {
    return number > (this.serverNowMs() + limits.clockAheadMsMax) * numbersPerMs;
  }
}
