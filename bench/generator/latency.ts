// Latencies in a histogram of HDR form: microseconds in, milliseconds out, three significant digits. Of our own because every delivery passes through it and generators in other processes send theirs:
// Node's takes 18 ns a record and can't leave its process, hdr-histogram-js can and takes 100 ns; this takes 5 ns (bench/micro-receive.ts), and is a plain array.

const highestUs = 600 * 1_000_000;
const precisionBits = 10; // values up to 2^11 have a place each, above that 2^10 places for each doubling: an error below a thousandth
const subPlaces = 2 ** precisionBits;
const places = placeOf(highestUs) + 1;

/** What leaves the process: pairs of place and count, by place. */
export interface LatencyDump {
  readonly pairs: readonly number[];
  readonly over: number;
}

export class Latency {
  readonly #counts = new Float64Array(places);
  readonly #overMs: number;
  /** Latencies above the limit given to the constructor. */
  over = 0;
  count = 0;

  constructor(overMs = Number.POSITIVE_INFINITY) {
    this.#overMs = overMs;
  }

  record(ms: number): void {
    if (ms > this.#overMs) this.over += 1;
    const us = Math.round(ms * 1_000);
    const place = placeOf(us < 1 ? 1 : us > highestUs ? highestUs : us);
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.count += 1;
  }

  /** The highest of the values that share the percentile's place; null while nothing was recorded. */
  ms(percentile: number): number | null {
    if (this.count === 0) return null;
    const wanted = Math.max(1, Math.ceil((percentile / 100) * this.count));
    let seen = 0;
    for (let place = 0; place < places; place += 1) {
      seen += this.#counts[place] as number;
      if (seen >= wanted) return highestOf(place) / 1_000;
    }
    return highestUs / 1_000;
  }

  add(other: Latency): void {
    for (let place = 0; place < places; place += 1) this.#counts[place] = (this.#counts[place] as number) + (other.#counts[place] as number);
    this.count += other.count;
    this.over += other.over;
  }

  dump(): LatencyDump {
    const pairs: number[] = [];
    for (let place = 0; place < places; place += 1) if (this.#counts[place] !== 0) pairs.push(place, this.#counts[place] as number);
    return { pairs, over: this.over };
  }

  static from({ pairs, over }: LatencyDump): Latency {
    const latency = new Latency();
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      latency.#counts[pairs[at] as number] = pairs[at + 1] as number;
      latency.count += pairs[at + 1] as number;
    }
    latency.over = over;
    return latency;
  }
}

function placeOf(us: number): number {
  const shift = Math.max(0, 31 - precisionBits - Math.clz32(us));
  return shift * subPlaces + (us >>> shift);
}

/** The largest value that has this place. */
function highestOf(place: number): number {
  const shift = Math.max(0, Math.floor(place / subPlaces) - 1);
  const low = (place - shift * subPlaces) * 2 ** shift;
  return low + 2 ** shift - 1;
}
