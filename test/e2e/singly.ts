// Frames with what several entries say at once taken apart: a test that looks for an entry finds it however it came.
import type { ToDevice, Unknown } from '../../src/protocol/codec.ts';

/** A `pushed` frame as the `entry` frames that say the same; any other as it is. */
export function singly(frame: ToDevice | Unknown): readonly (ToDevice | Unknown)[] {
  return frame.kind === 'pushed' ? frame.entries.map((entry) => ({ kind: 'entry', ...entry })) : [frame];
}
