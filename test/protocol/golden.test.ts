// The bytes that devices in the field send and expect: recorded once, read and written the same for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFromDevice, decodeToDevice, encodeFrame, fromDeviceFrames, toDeviceFrames } from '../../src/protocol/codec.ts';
import type { AnyFrame } from '../../src/protocol/schema.ts';
import { examples } from './examples.ts';
import { hexOf, recordings } from './golden.ts';

const definitions: readonly AnyFrame[] = [...fromDeviceFrames, ...toDeviceFrames];
const recorded = recordings();
const fromDevice = new Set<string>(fromDeviceFrames.map(({ kind }) => kind));

for (const { kind, names } of definitions) {
  const own = recorded.filter(({ frame }) => frame.kind === kind);

  test(`${kind}: there are recorded bytes, with every field`, () => {
    const complete = own.filter(({ frame }) => names.every((name) => name in frame));
    assert.ok(complete.length > 0, `Add an example with all fields of ${kind} to test/protocol/examples.ts and run: node test/protocol/golden.ts --record`);
  });

  for (const { name, frame, hex } of own) {
    test(`${name}: its recorded bytes are read as the frame that they were, fields added since as nil`, () => {
      const decode = fromDevice.has(kind) ? decodeFromDevice : decodeToDevice;
      const since = Object.fromEntries(names.filter((field) => !(field in frame)).map((field) => [field, null]));
      assert.deepEqual(decode(Buffer.from(hex, 'hex')), { ...frame, ...since });
    });

    if (names.every((field) => field in frame)) {
      test(`${name}: the frame is written in the bytes that were recorded`, () => {
        assert.equal(hexOf(encodeFrame(frame)), hex);
      });
    }
  }
}

test('every recording is of a frame that still exists, and every example is recorded', () => {
  const kinds = new Set(definitions.map(({ kind }) => kind));
  for (const { name, frame } of recorded) assert.ok(kinds.has(frame.kind), `${name}: frames are never taken away`);
  assert.deepEqual(
    Object.keys(examples).filter((example) => !recorded.some(({ name }) => name === example)),
    [],
  );
});
