// What nodes say to each other, as bytes: recorded once and read for ever, drawn from the definitions, damaged, and of newer builds.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { type AddressKind, decodeMessage, definitions, type Envelopes, encodeEnvelope, isReadable, joined, messageBytesMax, versions } from '../../src/cluster/envelope-codec.ts';
import { Answer, type audienceCommands, chatCommands, From, Mark, Notify, Post, ToChat, ToUserPush } from '../../src/cluster/envelope-schema.ts';
import type { AudienceCommand } from '../../src/core/audience.ts';
import type { ChatCommand } from '../../src/core/chat.ts';
import { Sent } from '../../src/protocol/messages.ts';
import { Malformed, Reader } from '../../src/protocol/reader.ts';
import { Receipt } from '../../src/protocol/receipts.ts';
import { type AnyFrame, type FrameOf, frame, oneFrame, type UnknownFrame } from '../../src/protocol/schema.ts';
import { Writer } from '../../src/protocol/writer.ts';
import { anyFrame, wireFrame } from '../protocol/arbitraries.ts';
import { commandNames, examples, pushAt, room } from './envelopes.ts';
import { hexOf, recordings } from './golden.ts';

const addresses = Object.keys(definitions) as AddressKind[];
const known = addresses.flatMap((address) => definitions[address].map((definition) => ({ address, definition })));
const recorded = recordings();

// TypeScript refuses a command that core has and the wire form has not, or has otherwise.
type Written = Exclude<FrameOf<(typeof chatCommands)[number]>, UnknownFrame>;
const writable = (command: ChatCommand): Written => command;
const told = (command: Extract<AudienceCommand, { kind: 'enrolled' | 'repaired' }>): FrameOf<(typeof audienceCommands)[number]> => command;

/** Those that have a way of their own, with what else has one in them. */
const spelledOut: readonly { readonly address: AddressKind; readonly definition: AnyFrame }[] = [
  { address: 'node', definition: From },
  { address: 'node', definition: frame(ToChat.type, ToChat.kind, { ...ToChat.fields, command: oneFrame(Post, Mark) }) },
  { address: 'node', definition: frame(Answer.type, Answer.kind, { ...Answer.fields, frame: oneFrame(Sent, Receipt) }) },
  { address: 'user', definition: frame(Notify.type, Notify.kind, { ...Notify.fields, frame: oneFrame(Receipt, Sent) }) },
  { address: 'user', definition: ToUserPush },
];

function byDefinition(definition: AnyFrame, envelope: object): Uint8Array {
  const writer = new Writer();
  writer.start();
  writer.counter(versions.newest);
  oneFrame(definition).write(writer, envelope as FrameOf<AnyFrame>);
  return writer.copy();
}

/** Both ways give the same values, and refuse the same. */
function agrees(address: AddressKind, bytes: Uint8Array): void {
  const { envelopes, unknown, fault } = decodeMessage(address, bytes);
  const reader = new Reader();
  reader.start(bytes, false);
  const byIt: unknown[] = [];
  let refusals = 0;
  try {
    reader.counter();
    while (!reader.isAtEnd) byIt.push(oneFrame(...definitions[address]).read(reader));
  } catch (refusal) {
    if (!(refusal instanceof Malformed)) throw refusal;
    refusals += 1;
  }
  assert.equal(fault === undefined ? 0 : 1, refusals);
  assert.equal(envelopes.length + unknown, byIt.length);
  if (unknown === 0) assert.deepEqual(envelopes, byIt);
}

/** The message that a newer build would send: these MessagePack values behind the version. */
function messageOf(...values: readonly unknown[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(versions.newest), ...values.map((value) => encode(value))]);
}

describe('recorded messages', () => {
  for (const { name, address, envelope, hex } of recorded) {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
    const names = known.find(({ definition }) => 'kind' in envelope && definition.kind === envelope.kind)?.definition.names ?? [];
    const since = Object.fromEntries(names.filter((field) => !(field in envelope)).map((field) => [field, null]));
    test(`${name}: is read as the envelope that it was, fields added since as nil`, () => {
      assert.ok(isReadable(bytes), `of version ${bytes[0]}`);
      assert.deepEqual(decodeMessage(address, bytes), { envelopes: [{ ...envelope, ...since }], unknown: 0, fault: undefined });
    });
    if (Object.keys(since).length === 0)
      test(`${name}: is written in the bytes that were recorded`, () => {
        assert.equal(hexOf(encodeEnvelope(address, envelope)), hex);
      });
  }

  test('there is one of every kind of envelope, command and change', () => {
    assert.deepEqual(
      examples.map(({ name }) => name).filter((name) => !recorded.some((recording) => recording.name === name)),
      [],
      'run: node test/cluster/golden.ts --record',
    );
    const kinds = new Set(recorded.map(({ envelope }) => ('kind' in envelope ? envelope.kind : 'chatPush')));
    assert.deepEqual(
      known.map(({ definition }) => definition.kind).filter((kind) => !kinds.has(kind as never)),
      [],
    );
    assert.deepEqual(
      chatCommands.map(({ kind }) => kind).filter((kind) => !commandNames().some((name) => name.startsWith(kind))),
      [],
    );
    assert.equal(typeof writable, typeof told);
  });
});

describe('the codec of envelopes', () => {
  for (const { address, definition } of known) {
    test(`${definition.kind}: whatever it holds comes back as it was`, () => {
      fc.assert(
        fc.property(anyFrame(definition), (drawn) => {
          const envelope = drawn as unknown as Envelopes[AddressKind];
          const { envelopes, unknown, fault } = decodeMessage(address, encodeEnvelope(address, envelope));
          const back = address === 'chat' ? { ...envelopes[0], kind: 'chatPush' } : envelopes[0];
          assert.deepEqual({ back, unknown, fault }, { back: envelope, unknown: 0, fault: undefined });
        }),
      );
    });
  }

  for (const { address, definition } of spelledOut)
    test(`${definition.kind}, spelled out, is the bytes of its definition, and is read from the same bytes as by it, and from no others`, () => {
      const drawn = fc.tuple(anyFrame(definition), fc.nat(), fc.nat(255));
      fc.assert(
        fc.property(drawn, ([envelope, at, value]) => {
          const bytes = byDefinition(definition, envelope);
          assert.equal(hexOf(encodeEnvelope(address, envelope as unknown as Envelopes[AddressKind])), hexOf(bytes));
          for (const cut of [0, at % bytes.length]) agrees(address, bytes.slice(0, bytes.length - cut));
          const place = 1 + (at % (bytes.length - 1));
          agrees(address, bytes.with(place, value));
        }),
        { numRuns: 2_000 },
      );
    });

  test('several in one message come back in their order', () => {
    const mine = examples.filter(({ address }) => address === 'node');
    const message = joined(mine.map(({ envelope }) => encodeEnvelope('node', envelope as Envelopes['node'])));
    assert.deepEqual(
      decodeMessage('node', message).envelopes,
      mine.map(({ envelope }) => envelope),
    );
  });

  test('what arrives is not changed by what arrives after it', () => {
    const first = decodeMessage('chat', encodeEnvelope('chat', { push: pushAt(1), went: [] })).envelopes[0];
    decodeMessage('chat', encodeEnvelope('chat', { push: pushAt(2, 'other'), went: [] }));
    assert.deepEqual(first, { push: pushAt(1), went: [] });
  });

  test('an envelope of this version and of the one before is read, any other is not', () => {
    const [first] = recorded;
    const bytes = Uint8Array.from(Buffer.from(first?.hex ?? '', 'hex'));
    const readable = (version: number): boolean => isReadable(bytes.with(0, version), { oldest: 6, newest: 7 });
    assert.deepEqual([0, 5, 6, 7, 8, 127, 128, 255].filter(readable), [6, 7]);
    assert.ok(versions.newest - versions.oldest <= 1 && !isReadable(new Uint8Array(0)));
  });

  test('fields that a newer node appends are passed over, in envelopes and in what they hold', () => {
    for (const { address, definition } of known) {
      const now = decodeMessage(address, messageOf(wireFrame(definition)));
      assert.equal(now.fault, undefined);
      assert.deepEqual(decodeMessage(address, messageOf([...wireFrame(definition), 'more', [1, { a: 2 }]])), now);
    }
    const confirm = [9, 'u'.padEnd(21, 'A'), 'more'];
    const [toChat] = decodeMessage('node', messageOf([1, room, true, confirm, 'more'])).envelopes;
    assert.deepEqual(toChat, { kind: 'toChat', chatId: room, forwarded: true, command: { kind: 'confirm', userId: confirm[1] } });
  });

  test('envelopes, commands, changes and frames of unknown kinds are counted and skipped, and the rest of the message is read', () => {
    const from = ['n2', 'u'.padEnd(21, 'A'), 'd'.padEnd(21, 'A')];
    const message = messageOf(
      [99, { what: ['ever', new Uint8Array(300)] }],
      [1, room, false, [88, 'a newer command']],
      [1, room, false, [3, from, 2, 1, [77, 'a newer change']]],
      [2, 'u'.padEnd(21, 'A'), 'd'.padEnd(21, 'A'), true, [250, 'a newer frame']],
      [1, room, false, [9, 'u'.padEnd(21, 'A')]],
    );
    const { envelopes, unknown, fault } = decodeMessage('node', message);
    assert.deepEqual([envelopes.length, unknown, fault], [1, 4, undefined]);
  });

  test('an envelope that belongs on another address is unknown there', () => {
    for (const { address, envelope } of examples)
      for (const other of addresses.filter((one) => one !== address)) {
        const { envelopes, unknown } = decodeMessage(other, encodeEnvelope(address, envelope));
        assert.deepEqual([envelopes.length, unknown], [0, 1]);
      }
  });

  test('a message that is cut or damaged is read up to there, and nothing is made up', () => {
    const whole = joined(recorded.filter(({ address }) => address === 'node').map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex'))));
    const all = decodeMessage('node', whole).envelopes;
    for (let length = 1; length < whole.length; length += 1) {
      const { envelopes, fault } = decodeMessage('node', whole.slice(0, length));
      assert.deepEqual(envelopes, all.slice(0, envelopes.length));
      const read = envelopes.length === 0 ? 1 : joined(envelopes.map((envelope) => encodeEnvelope('node', envelope))).length;
      assert.ok(fault === undefined ? read === length : read < length && envelopes.length < all.length);
    }
  });

  test('no bytes make it throw', () => {
    const damaged = fc.tuple(fc.constantFrom(...recorded), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 })).map(([{ hex }, changes]) => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.constantFrom(...addresses), fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (address, bytes) => {
        const { envelopes } = decodeMessage(address, bytes);
        assert.ok(envelopes.length <= bytes.length);
      }),
      { numRuns: 20_000 },
    );
  });

  test('a message over the limit is not looked at', () => {
    const { envelopes, fault } = decodeMessage('all', new Uint8Array(messageBytesMax + 1));
    assert.deepEqual(envelopes, []);
    assert.match(fault?.message ?? '', /1048577 bytes/);
  });

  test('what only this node may say to itself cannot be written', () => {
    assert.throws(() => encodeEnvelope('node', { kind: 'toAudience', chatId: room, command: { kind: 'again' } }), TypeError);
  });

  test('a push to a room costs at most 110 bytes beside its entry frame', () => {
    const { push } = { push: { ...pushAt(2 ** 40), chatId: room } };
    assert.ok(encodeEnvelope('chat', { push, went: [] }).length - push.bytes.length <= 110);
  });
});
