// Which numbered commands of each device the log already holds, so that a resend never makes a second entry.
// Exact for the last 16 commands of the 32 devices that wrote last, but for what a device had written before it was crowded out;
// for the others the highest number alone. All of it is a fold of the log.
import type { DeviceId } from '../structures/ids.ts';

const ringMax = 16;
const recentMax = 32;
const bucketCount = 64;
const arrayMax = 4 * ringMax;

interface DeviceRing {
  readonly deviceId: DeviceId;
  readonly highest: number;
  /** Up to here it is not known which numbers the log holds. */
  readonly floor: number;
  /**
   * number, seq, number, seq … ascending; the ring's are those between `from` and `to`, at most `ringMax` pairs. Later states of the ring add theirs behind `to`, in place:
   * a copy for every message would be a good part of all that it costs.
   */
  readonly pairs: number[];
  readonly from: number;
  readonly to: number;
}

export interface Resends {
  /** The device that wrote last comes first. */
  readonly recent: readonly DeviceRing[];
  /** The highest number of every other device, by bucket of its id: an acceptance copies one bucket, not all. */
  readonly older: readonly (ReadonlyMap<DeviceId, number> | undefined)[];
}

export type Judged =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'known'; readonly seq: number }
  | { readonly kind: 'numberPassed' }
  | { readonly kind: 'settled' }
  | { readonly kind: 'outOfOrder'; readonly highest: number };

export const noResends: Resends = { recent: [], older: [] };
const fresh: Judged = { kind: 'fresh' };
const numberPassed: Judged = { kind: 'numberPassed' };
const settled: Judged = { kind: 'settled' };

/** Whether `number` is new, or what became of it. `after` is the device's previous number that was accepted or is still open. */
export function judge({ recent, older }: Resends, deviceId: DeviceId, number: number, after: number): Judged {
  const ring = recent[placeOf(recent, deviceId)];
  const highest = ring?.highest ?? older[bucketOf(deviceId)]?.get(deviceId) ?? 0;
  if (number > highest) return after <= highest ? fresh : { kind: 'outOfOrder', highest };
  if (ring === undefined) return settled;
  const { pairs, from, to, floor } = ring;
  for (let at = to - 2; at >= from; at -= 2) if (pairs[at] === number) return { kind: 'known', seq: pairs[at + 1] as number };
  return number > floor ? numberPassed : settled;
}

/** After the entry with that number stands at `seq`. Entries that the server adds of itself have number 0 and leave no trace. */
export function accepted(resends: Resends, deviceId: DeviceId, number: number, seq: number): Resends {
  if (number === 0) return resends;
  const { recent } = resends;
  const at = placeOf(recent, deviceId);
  const ring = recent[at];
  const first = ring === undefined ? { deviceId, highest: number, floor: highestOf(resends, deviceId), pairs: [number, seq], from: 0, to: 2 } : longer(ring, number, seq);
  if (ring !== undefined) return { recent: toFront(recent, at, first), older: resends.older };
  const older = withoutOlder(resends.older, deviceId);
  if (recent.length < recentMax) return { recent: [first, ...recent], older };
  const last = recent[recentMax - 1] as DeviceRing;
  return { recent: [first, ...recent.slice(0, recentMax - 1)], older: withOlder(older, last.deviceId, last.highest) };
}

function longer({ deviceId, floor, pairs, from, to }: DeviceRing, number: number, seq: number): DeviceRing {
  const isFull = to - from === ringMax * 2;
  const kept = isFull ? from + 2 : from;
  const nextFloor = isFull ? (pairs[from] as number) : floor;
  // Another state has gone on from this one, or most of the array is of no ring any more.
  if (pairs.length !== to || kept > arrayMax) return { deviceId, highest: number, floor: nextFloor, pairs: [...pairs.slice(kept, to), number, seq], from: 0, to: to - kept + 2 };
  pairs.push(number, seq);
  return { deviceId, highest: number, floor: nextFloor, pairs, from: kept, to: to + 2 };
}

/** The rings with `first`, which stood at `at`, before all others. */
function toFront(recent: readonly DeviceRing[], at: number, first: DeviceRing): readonly DeviceRing[] {
  const next = recent.slice();
  for (let from = at; from > 0; from -= 1) next[from] = next[from - 1] as DeviceRing;
  next[0] = first;
  return next;
}

function placeOf(recent: readonly DeviceRing[], deviceId: DeviceId): number {
  for (let at = 0; at < recent.length; at += 1) if (recent[at]?.deviceId === deviceId) return at;
  return -1;
}

export function highestOf({ recent, older }: Resends, deviceId: DeviceId): number {
  return recent.find((one) => one.deviceId === deviceId)?.highest ?? older[bucketOf(deviceId)]?.get(deviceId) ?? 0;
}

/** As plain arrays, for the fold that is kept. */
export function toPlain({ recent, older }: Resends): unknown {
  return [
    recent.map(({ deviceId, highest, floor, pairs, from, to }) => [deviceId, highest, floor, pairs.slice(from, to)]),
    older.flatMap((bucket) => (bucket === undefined ? [] : [...bucket])),
  ];
}

export function fromPlain(plain: unknown): Resends {
  const [recent, others] = plain as [[DeviceId, number, number, number[]][], [DeviceId, number][]];
  let older: Resends['older'] = [];
  for (const [deviceId, highest] of others) older = withOlder(older, deviceId, highest);
  return { recent: recent.map(([deviceId, highest, floor, pairs]) => ({ deviceId, highest, floor, pairs: pairs.slice(), from: 0, to: pairs.length })), older };
}

function withOlder(older: Resends['older'], deviceId: DeviceId, highest: number): Resends['older'] {
  const at = bucketOf(deviceId);
  const copy = older.length === bucketCount ? [...older] : Array.from({ length: bucketCount }, (_, index) => older[index]);
  copy[at] = new Map(copy[at]).set(deviceId, highest);
  return copy;
}

function withoutOlder(older: Resends['older'], deviceId: DeviceId): Resends['older'] {
  const at = bucketOf(deviceId);
  if (older[at]?.has(deviceId) !== true) return older;
  const copy = [...older];
  const bucket = new Map(copy[at]);
  bucket.delete(deviceId);
  copy[at] = bucket;
  return copy;
}

function bucketOf(deviceId: DeviceId): number {
  return (deviceId.charCodeAt(1) * 31 + deviceId.charCodeAt(2)) % bucketCount;
}
