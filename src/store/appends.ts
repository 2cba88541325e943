// What an append must look like, in every store.
import type { Entry } from '../protocol/messages.ts';
import { StoreRefused } from './faults.ts';
import type { Append } from './messages.ts';

/** Bodies and fold of one append. */
export const appendBytesMax = 2 * 1024 * 1024;

/** Throws StoreRefused for an append that could never be stored on a log that ends at `lastSeq`. */
export function checkAppend({ chatId, entries, builtOn, tip, fold }: Append, lastSeq: number): void {
  if (!Number.isSafeInteger(tip) || tip <= 0 || tip === builtOn) throw new StoreRefused('an append needs a tip of its own, from 1 to 2^53-1');
  if (entries.length === 0) throw new StoreRefused('an append holds at least one entry');
  let bytes = fold?.byteLength ?? 0;
  for (let at = 0; at < entries.length; at += 1) {
    const entry = entries[at] as Entry;
    if (entry.chatId !== chatId) throw new StoreRefused('an append extends one chat');
    if (entry.seq !== lastSeq + 1 + at) throw new StoreRefused(`the log ends at ${lastSeq}: entry ${at} must have seq ${lastSeq + 1 + at}, not ${entry.seq}`);
    bytes += entry.body.byteLength;
  }
  if (bytes > appendBytesMax) throw new StoreRefused(`an append holds at most ${appendBytesMax} bytes, not ${bytes}`);
}

/** As many of `entries` as `bytesMax` of bodies allow, at least one. */
export function withinBytes(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  let bytes = 0;
  for (let at = 0; at < entries.length; at += 1) {
    bytes += (entries[at] as Entry).body.byteLength;
    if (bytes > bytesMax && at > 0) return entries.slice(0, at);
  }
  return entries;
}
