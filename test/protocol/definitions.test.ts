// What must hold of the definitions as a whole: numbers, names and texts that devices and WebSocket libraries rely on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromDeviceFrames, refused, toDeviceFrames } from '../../src/protocol/codec.ts';
import { Refused } from '../../src/protocol/connection.ts';
import { closes, refusals, type Why, whyOf } from '../../src/protocol/errors.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { AnyFrame, Field } from '../../src/protocol/schema.ts';

const definitions: readonly AnyFrame[] = [...fromDeviceFrames, ...toDeviceFrames];

function unique(values: readonly unknown[]): void {
  assert.deepEqual(values, [...new Set(values)]);
}

test('no two frames share a number or a name', () => {
  unique(definitions.map(({ type }) => type));
  unique(definitions.map(({ kind }) => kind));
});

test('in every frame and row only the last fields may be left out', () => {
  const check = (places: readonly Field<unknown>[]): void => {
    const optional = places.map((place) => place.optional);
    assert.deepEqual(optional, [...optional].sort());
    for (const place of places) if (place.form.is === 'row') check(place.form.places);
  };
  for (const { places } of definitions) check(places);
});

test('no two refusals and no two close codes share a number', () => {
  unique(Object.values(refusals).map(({ code }) => code));
  unique(Object.values(closes).map(({ code }) => code));
});

test('every refusal fits the frame that carries it and is known again by its code', () => {
  for (const why of Object.keys(refusals) as Why[]) {
    const frame = refused(7, why, { retryAfterMs: 1, highest: 2 });
    assert.equal(whyOf(frame.code), why);
    const max = (name: keyof typeof Refused.fields): number => ({ max: 0, ...Refused.fields[name].form }).max;
    assert.ok(frame.says.length <= max('says') && frame.why.length <= max('why') && frame.code <= max('code'), why);
  }
  assert.equal(whyOf(65_000), undefined);
});

test('every close reason fits into a WebSocket close frame: an own code, at most 123 bytes', () => {
  for (const { code, says } of Object.values(closes)) {
    assert.ok(code >= 4_000 && code <= 4_999);
    assert.ok(Buffer.byteLength(says) <= 123, says);
  }
});

test('a body that is just too big still arrives in a frame, to be refused rather than closed on', () => {
  assert.ok(limits.frameBytesMax > limits.bodyBytesMax + 1_024);
});

test('the largest resume, watch and addMembers that the limits allow fit into one frame', () => {
  const id = 22; // bytes of an id with its head
  const number = 9;
  assert.ok(limits.cursorsPerResumeMax * (1 + id + number + number) < limits.frameBytesMax);
  assert.ok(limits.watchMax * id < limits.frameBytesMax);
  assert.ok(limits.membersPerCommandMax * id < limits.frameBytesMax);
});
