// Latencies in an HDR histogram: microseconds in, milliseconds out.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const highestUs = 600 * 1_000_000;

export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: highestUs, figures: 3 });
  /** Latencies above the limit given to the constructor. */
  over = 0;
  count = 0;
  readonly #overMs: number;

  constructor(overMs = Number.POSITIVE_INFINITY) {
    this.#overMs = overMs;
  }

  record(ms: number): void {
    this.count += 1;
    if (ms > this.#overMs) this.over += 1;
    const us = Math.round(ms * 1_000);
    this.#histogram.record(us < 1 ? 1 : us > highestUs ? highestUs : us);
  }

  /** Null while nothing was recorded. */
  ms(percentile: number): number | null {
    return this.count === 0 ? null : this.#histogram.percentile(percentile) / 1_000;
  }

  add(other: Latency): void {
    this.#histogram.add(other.#histogram);
    this.count += other.count;
    this.over += other.over;
  }
}
