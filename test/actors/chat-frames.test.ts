// An entry is pushed with its own frame, whatever became of the pushes before it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frames } from '../../src/actors/chat-fan-out.ts';
import { encodeEntryFrame } from '../../src/protocol/codec.ts';
import { entryOf, room } from '../store/samples.ts';

const entries = [7, 8, 9].map((seq) => entryOf(room, seq));
const own = entries.map(encodeEntryFrame);

test('each has the frame that was made for the append', () => {
  const frames = new Frames();
  const made = [...frames.of(entries)];
  assert.deepEqual(made, own);
  for (const [at, entry] of entries.entries()) assert.equal(frames.take(entry), made[at]);
});

test('one that was never asked for is left to no other entry', () => {
  const frames = new Frames();
  frames.of(entries);
  assert.deepEqual(frames.take(entries[1] as (typeof entries)[0]), own[1]);
  assert.deepEqual(frames.take(entries[2] as (typeof entries)[0]), own[2]);
  frames.of([entryOf(room, 10)]);
  assert.deepEqual(frames.take(entries[0] as (typeof entries)[0]), own[0]);
  assert.deepEqual(frames.take(entryOf(room, 10)), encodeEntryFrame(entryOf(room, 10)));
});
