// What the codec promises for every frame, drawn from the definitions; @msgpack/msgpack is the witness for the bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import {
  decodeEntry,
  decodeFromDevice,
  decodeToDevice,
  encodeEntry,
  encodeEntryFrame,
  encodeFrame,
  encodePushed,
  encodeShared,
  entryHead,
  type FromDevice,
  fromDeviceFrames,
  Malformed,
  type ToDevice,
  toDeviceFrames,
} from '../../src/protocol/codec.ts';
import { type Entry, entryRow } from '../../src/protocol/messages.ts';
import type { AnyFrame } from '../../src/protocol/schema.ts';
import { anyFrame, anyOf, edgesOf, wireFrame, wireOfFrame } from './arbitraries.ts';

interface Side {
  readonly definition: AnyFrame;
  readonly decode: (raw: Uint8Array) => { readonly kind: string };
}
const sides: readonly Side[] = [
  ...fromDeviceFrames.map((definition) => ({ definition, decode: decodeFromDevice })),
  ...toDeviceFrames.map((definition) => ({ definition, decode: decodeToDevice })),
];

for (const { definition, decode } of sides) {
  const { kind } = definition;

  test(`${kind}: every valid frame comes back as it was, in the bytes that another MessagePack library writes`, () => {
    fc.assert(
      fc.property(anyFrame(definition), (frame) => {
        const bytes = encodeFrame(frame);
        assert.deepEqual(decode(bytes), frame);
        assert.deepEqual(bytes, encode(wireOfFrame(definition, frame)));
      }),
    );
  });

  test(`${kind}: each field takes what just fits, and nothing that just does not`, () => {
    for (const [at, place] of definition.places.entries()) {
      const { fit, misfit } = edgesOf(place.form);
      for (const value of fit) assert.equal(decode(encode(wireFrame(definition).with(at + 1, value))).kind, kind);
      for (const value of misfit) {
        const name = definition.names[at] as string;
        assert.throws(
          () => decode(encode(wireFrame(definition).with(at + 1, value))),
          (error) => error instanceof Malformed && error.message.startsWith(`${name} must be `),
          `${name} = ${String(value).slice(0, 50)}`,
        );
      }
    }
  });

  test(`${kind}: a missing field is refused, but for optional ones, which read as nil`, () => {
    const wire = wireFrame(definition);
    for (let length = 1; length < definition.needed + 1; length += 1) assert.throws(() => decode(encode(wire.slice(0, length))), Malformed);
    const least = decode(encode(wire.slice(0, definition.needed + 1))) as unknown as Record<string, unknown>;
    for (const name of definition.names.slice(definition.needed)) assert.equal(least[name], null);
  });
}

test('fields that a newer version appends are passed over, whatever they hold', () => {
  const later = fc.array(fc.oneof(fc.anything({ withNullPrototype: false, maxDepth: 3 }), fc.uint8Array()).filter(encodable), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...sides), later, ({ definition, decode }, extra) => {
      const wire = wireFrame(definition);
      assert.deepEqual(decode(encode([...wire, ...extra])), decode(encode(wire)));
    }),
    { numRuns: 500 },
  );
});

test('extension types and long values in an appended field are passed over too', () => {
  const ping = (...extra: readonly number[]) => Uint8Array.from([0x93, 0x04, 0x07, ...extra]);
  const fixext = [1, 2, 4, 8, 16].map((length, at) => [0xd4 + at, 1, ...new Array<number>(length).fill(9)]);
  const ext = [
    [0xc7, 2, 1, 9, 9],
    [0xc8, 0, 2, 1, 9, 9],
    [0xc9, 0, 0, 0, 2, 1, 9, 9],
  ];
  const long = [
    [0xdc, 0, 1, 0xc0],
    [0xdd, 0, 0, 0, 1, 0xc0],
    [0xde, 0, 1, 1, 2],
    [0xdf, 0, 0, 0, 1, 1, 2],
    [0xc5, 0, 1, 9],
    [0xc6, 0, 0, 0, 1, 9],
    [0xda, 0, 1, 65],
    [0xdb, 0, 0, 0, 1, 65],
    [0xca, 0, 0, 0, 0],
    [0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
  ];
  for (const extra of [...fixext, ...ext, ...long]) assert.deepEqual(decodeFromDevice(ping(...extra)), { kind: 'ping', request: 7 });
  assert.throws(() => decodeFromDevice(ping(0xc1)), Malformed);
  assert.throws(() => decodeFromDevice(ping(0xdd, 0xff, 0xff, 0xff, 0xff)), Malformed);
});

test('fields that a newer version appends to a row are passed over', () => {
  const moved = toDeviceFrames.find(({ kind }) => kind === 'moved') as AnyFrame;
  const chatId = `g${'A'.repeat(20)}`;
  assert.deepEqual(decodeToDevice(encode([moved.type, 1, [[chatId, 5, 4, 3, 'new', { of: ['it'] }]], true])), {
    kind: 'moved',
    request: 1,
    rows: [{ chatId, head: 5, read: 4, receiptsVersion: 3 }],
    last: true,
  });
});

test('a whole number is read from any of the formats in which libraries write it', () => {
  const formats = [
    [7],
    [0xcc, 7],
    [0xcd, 0, 7],
    [0xce, 0, 0, 0, 7],
    [0xcf, 0, 0, 0, 0, 0, 0, 0, 7],
    [0xd0, 7],
    [0xd1, 0, 7],
    [0xd2, 0, 0, 0, 7],
    [0xd3, 0, 0, 0, 0, 0, 0, 0, 7],
    [0xca, 0x40, 0xe0, 0, 0],
    [0xcb, 0x40, 0x1c, 0, 0, 0, 0, 0, 0],
  ];
  for (const format of formats) assert.deepEqual(decodeFromDevice(Uint8Array.from([0x92, 0x04, ...format])), { kind: 'ping', request: 7 });
  const minusZero = [0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual(decodeFromDevice(Uint8Array.from([0x92, 0x04, ...minusZero])), { kind: 'ping', request: 0 });
  for (const negative of [[0xff], [0xd0, 0xff], [0xd1, 0xff, 0xff], [0xd2, 0xff, 0xff, 0xff, 0xff], [0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]])
    assert.throws(() => decodeFromDevice(Uint8Array.from([0x92, 0x04, ...negative])), Malformed);
});

test('a frame of an unknown type says so, with its first field where that is a number', () => {
  for (const decode of [decodeFromDevice, decodeToDevice]) {
    assert.deepEqual(decode(encode([9_999])), { kind: 'unknown', type: 9_999, request: 0 });
    assert.deepEqual(decode(encode([9_999, 12, { any: 'thing' }])), { kind: 'unknown', type: 9_999, request: 12 });
    for (const first of ['text', -1, 0.5, null, [7], new Uint8Array(3)]) assert.deepEqual(decode(encode([9_999, first, 3])), { kind: 'unknown', type: 9_999, request: 0 });
  }
});

test('a frame that only the other side may send is unknown', () => {
  assert.equal(decodeFromDevice(encodeFrame({ kind: 'lagging' })).kind, 'unknown');
  assert.equal(decodeToDevice(encodeFrame({ kind: 'ping', request: 1 })).kind, 'unknown');
});

test('what is no array, has no type, is cut short or goes on afterwards is malformed', () => {
  for (const value of [[], ['send'], [-1], [null], [0.5], {}, 'text', 7, null, new Uint8Array(4)]) assert.throws(() => decodeFromDevice(encode(value)), Malformed);
  assert.throws(() => decodeFromDevice(new Uint8Array(0)), Malformed);
  for (const { definition, decode } of sides) {
    const whole = encode(wireFrame(definition));
    for (let length = 0; length < whole.length; length += 1) assert.throws(() => decode(whole.subarray(0, length)), Malformed);
    assert.throws(() => decode(Uint8Array.from([...whole, 0])), Malformed);
  }
});

test('bytes of any kind give a frame or Malformed, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(decodeFromDevice, decodeToDevice, decodeEntry), (raw, decode) => {
      frameOrMalformed(decode, raw);
    }),
    { numRuns: 5_000 },
  );
});

test('valid frames with a few bytes changed, cut out or put in give a valid frame or Malformed, nothing else', () => {
  const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'insert', 'remove', 'cut'));
  const side = fc.constantFrom(...sides).chain(({ definition, decode }) => anyFrame(definition).map((frame) => ({ bytes: encodeFrame(frame), decode })));
  let malformed = 0;
  fc.assert(
    fc.property(side, fc.array(change, { minLength: 1, maxLength: 3 }), ({ bytes, decode }, changes) => {
      const raw = [...bytes];
      for (const [place, byte, how] of changes) {
        const at = place % raw.length;
        if (how === 'set') raw[at] = byte;
        else raw.splice(at, how === 'remove' ? 1 : how === 'cut' ? raw.length : 0, ...(how === 'insert' || raw.length === 1 ? [byte] : []));
        if (raw.length === 0) raw.push(byte);
      }
      if (!frameOrMalformed(decode, Uint8Array.from(raw))) malformed += 1;
    }),
    { numRuns: 5_000 },
  );
  assert.ok(malformed > 1_000, `the changes must hurt: ${malformed} of 5000 did`);
});

test('a text that is not UTF-8 is malformed; a byte order mark is part of the text', () => {
  const hello = (...client: readonly number[]) => Uint8Array.from([...encode([1, 1, 't', `d${'A'.repeat(20)}`, 'abc']).slice(0, -3), ...client]);
  for (const bad of [
    [0xc3, 0x28, 0x41],
    [0xed, 0xa0, 0x80],
    [0xc0, 0x80, 0x41],
    [0xff, 0x41, 0x41],
    [0xe2, 0x82, 0x41],
  ])
    assert.throws(() => decodeFromDevice(hello(...bad)), Malformed);
  assert.equal((decodeFromDevice(hello(0xef, 0xbb, 0xbf)) as unknown as Record<string, unknown>)['client'], '\uFEFF');
});

test('what was decoded stays as it is when the bytes it came from are taken back, long or short, in a Buffer or not', () => {
  for (const length of [0, 10, 2_000, 5_000]) {
    for (const raw of [encode(sendOf(length)), Buffer.from(encode(sendOf(length)))]) {
      const frame = decodeFromDevice(raw) as Extract<FromDevice, { kind: 'send' }>;
      raw.fill(0);
      assert.deepEqual(frame.body, new Uint8Array(length).fill(65));
      assert.equal(frame.body.constructor, Uint8Array);
    }
  }
});

test('bodies decoded one after another do not touch each other', () => {
  const bodies = Array.from({ length: 500 }, (_, at) => (decodeFromDevice(encode(sendOf(at * 7, at % 256))) as Extract<FromDevice, { kind: 'send' }>).body);
  for (const [at, body] of bodies.entries()) assert.deepEqual(body, new Uint8Array(at * 7).fill(at % 256));
});

test('encodeFrame gives bytes to keep, encodeShared bytes that the next frame overwrites', () => {
  const kept = encodeFrame({ kind: 'ping', request: 1 });
  const shared = encodeShared({ kind: 'ping', request: 2 });
  assert.deepEqual([...shared], [0x92, 4, 2]);
  encodeShared({ kind: 'ping', request: 3 });
  assert.deepEqual([...kept], [0x92, 4, 1]);
  assert.deepEqual([...shared], [0x92, 4, 3]);
});

test('a frame larger than any before it is written whole', () => {
  const body = new Uint8Array(100_000).fill(7);
  const frame = { ...(decodeFromDevice(encode(sendOf(0))) as Extract<FromDevice, { kind: 'send' }>), body };
  assert.deepEqual(decodeFromDevice(encodeFrame(frame)), frame);
});

test('an entry as its own bytes and as the frame that pushes it says the same', () => {
  fc.assert(
    fc.property(anyOf(entryRow.form), (drawn) => {
      const entry = drawn as Entry;
      assert.deepEqual(decodeEntry(encodeEntry(entry)), entry);
      assert.deepEqual(decodeToDevice(encodeEntryFrame(entry)), { kind: 'entry', ...entry });
      assert.deepEqual(encodeEntry(entry), Uint8Array.of(entryHead, ...encodeEntryFrame(entry).subarray(2)));
    }),
  );
});

test('entries pushed together are their frames, put together', () => {
  fc.assert(
    fc.property(fc.array(anyOf(entryRow.form), { minLength: 1, maxLength: 40 }), (drawn) => {
      const entries = drawn as Entry[];
      const frame = encodePushed(entries.map(encodeEntryFrame));
      assert.deepEqual(frame, Uint8Array.from(encodeFrame({ kind: 'pushed', entries })));
      assert.deepEqual(decodeToDevice(frame), { kind: 'pushed', entries });
    }),
  );
});

test('a number that no frame can hold is a bug of the sender, not a frame', () => {
  for (const request of [-1, 0.5, Number.NaN, 2 ** 53, undefined as unknown as number]) assert.throws(() => encodeFrame({ kind: 'ping', request }), TypeError);
});

test('half a surrogate pair leaves as U+FFFD, so that every frame is UTF-8', () => {
  const chats = { kind: 'incarnationChanged', request: 1, incarnation: 'a\uD800' } as const;
  assert.deepEqual(decodeToDevice(encodeFrame(chats)), { ...chats, incarnation: 'a\uFFFD' });
});

function sendOf(bodyBytes: number, fill = 65): unknown[] {
  return [16, `g${'A'.repeat(20)}`, 1, 0, 'text/plain', new Uint8Array(bodyBytes).fill(fill)];
}

/** Whether it was a frame. A frame that was accepted holds only what can be sent again. */
function frameOrMalformed(decode: (raw: Uint8Array) => object, raw: Uint8Array): boolean {
  let frame: object;
  try {
    frame = decode(raw);
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error));
    return false;
  }
  if (decode === decodeEntry) assert.deepEqual(decodeEntry(encodeEntry(frame as Entry)), frame);
  else if ((frame as ToDevice | { kind: 'unknown' }).kind !== 'unknown') assert.deepEqual(decode(encodeFrame(frame as ToDevice)), frame);
  return true;
}

function encodable(value: unknown): boolean {
  try {
    encode(value);
    return true;
  } catch {
    return false;
  }
}
