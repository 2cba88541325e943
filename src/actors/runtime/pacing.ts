// Turns of the event loop that do not follow each other too closely: a busy loop sleeps a moment between two, so that more of what comes shares the next one.
// A turn costs something by itself (polls, timers, flushes, cold caches), and without rests it takes only the few frames that came during the last one: ADR 13. Network cards do the same (interrupt moderation).
import type { EventLoop } from '../../structures/event-loop.ts';

/** From one turn's end to the next one's, the busier the loop, the further. Below `fromShare` nothing is paced: who is alone waits for nobody. */
const every = { ms: 2, fromShare: 0.7, fullShare: 0.9 };
const lookEveryMs = 100;
/** Shorter ones take longer than they say. */
const restMsMin = 0.1;

export class Pacing {
  readonly #loop: EventLoop;
  readonly #busyShare: () => number;
  #everyMs = 0;
  #wokeMs: number;
  #lookedMs: number;

  constructor(loop: EventLoop) {
    this.#loop = loop;
    this.#busyShare = loop.busyShare();
    this.#wokeMs = this.#lookedMs = loop.nowMs();
  }

  /** Nothing is left to do in this turn: rests, if the next one would come too soon. */
  turnOver(): void {
    const nowMs = this.#loop.nowMs();
    if (nowMs - this.#lookedMs >= lookEveryMs) this.#look(nowMs);
    const restMs = this.#wokeMs + this.#everyMs - nowMs;
    if (restMs >= restMsMin) this.#loop.rest(restMs);
    this.#wokeMs = restMs >= restMsMin ? this.#loop.nowMs() : nowMs;
  }

  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    const { ms, fromShare, fullShare } = every;
    const target = ms * Math.min(1, Math.max(0, (this.#busyShare() - fromShare) / (fullShare - fromShare)));
    this.#everyMs += (target - this.#everyMs) / 2;
  }
}
