// What a device can get wrong at the door and in a frame: each has its code, a text that says what to do, and harms nobody else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import type { FromDevice, ToDevice, Unknown } from '../../src/protocol/codec.ts';
import { refusals } from '../../src/protocol/errors.ts';
import { registered } from './accounts.ts';
import { helloOf, type Of } from './device.ts';
import { Denied, RawClient, type RawClientOptions } from './raw-client.ts';
import { refusing, sendTo } from './refusing.ts';

refusing('bad input', (rig) => {
  describe('at the door', () => {
    test('a wrong token', async () => {
      const closed = await rig.isClosed('unauthenticated', (client) =>
        client.tell({ ...helloOf(rig.ann.account), token: `${rig.ann.account.accessToken.slice(0, -4)}AAAA` } as FromDevice),
      );
      assert.match(closed.reason, /Log in/);
      await rig.isClosed('unauthenticated', (client) => client.tell({ ...helloOf(rig.ann.account), token: 'nonsense' } as FromDevice));
    });

    test('an expired token is told apart from a wrong one', async () => {
      const closed = await rig.isClosed('tokenExpired', (client) => client.tell({ ...helloOf(rig.ann.account), token: rig.expired } as FromDevice));
      assert.match(closed.reason, /Refresh/);
    });

    test('no hello at all', async () => {
      await rig.isClosed('helloTimeout', () => undefined);
    });

    test('another frame before hello', async () => {
      await rig.isClosed('unauthenticated', (client) => client.tell({ kind: 'ping', request: 1 }));
    });

    test('a protocol version that never was', async () => {
      await rig.isClosed('versionUnknown', (client) => client.tell({ ...helloOf(rig.ann.account), version: 0 } as FromDevice));
    });

    test('a newer protocol version is answered with the one that both speak', async () => {
      const account = await registered(rig.parley.apiUrl);
      const welcome = new Promise<ToDevice | Unknown>((resolve) => {
        void RawClient.connect(rig.parley.socketUrl, { onFrame: resolve }).then((client) => client.tell({ ...helloOf(account), version: 7 } as FromDevice));
      });
      assert.equal(((await welcome) as Of<'welcome'>).version, 1);
    });

    test('a wrong subprotocol, or none', async () => {
      for (const subprotocols of [['parley.v0'], []]) {
        const denied = await denial({ subprotocols });
        assert.deepEqual([denied.status, /parley\.v1/.test(denied.says)], [400, true]);
      }
    });

    test('a page of a foreign origin; one of ours is let in', async () => {
      const denied = await denial({ origin: 'https://evil.example' });
      assert.deepEqual([denied.status, denied.says.length > 10], [403, true]);
      const client = await RawClient.connect(rig.parley.socketUrl, { origin: 'https://chat.example' });
      await client.cut();
    });

    test('plain HTTP on the socket port', async () => {
      const answer = await fetch(`http://127.0.0.1:${rig.parley.socketPort}/`);
      assert.deepEqual([answer.status, /WebSocket/.test(await answer.text())], [426, true]);
    });

    async function denial(options: RawClientOptions): Promise<Denied> {
      const error = await RawClient.connect(rig.parley.socketUrl, options).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert(error instanceof Denied, String(error));
      return error;
    }
  });

  describe('frames', () => {
    test('bytes that are no frame of the documented form', async () => {
      const { accessToken, deviceId } = rig.ann.account;
      const cases: Record<string, Uint8Array> = {
        nothing: new Uint8Array(0),
        'not MessagePack': Uint8Array.of(0xc1),
        'no array': encode({ type: 4 }),
        'an empty array': encode([]),
        'a type that is a text': encode(['ping', 1]),
        'a field of another type': encode([4, 'one']),
        'a field too few': encode([4]),
        'a negative number': encode([4, -1]),
        'a fraction': encode([4, 1.5]),
        'a number beyond 2^53': Uint8Array.of(0x92, 4, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        'an id that is none': encode([40, 1, 'not an id']),
        'bytes behind the frame': Buffer.concat([encode([4, 1]), encode([4, 2])]),
        'a frame that is cut off': encode([1, 1, accessToken, deviceId, 'test']).subarray(0, 60),
        'an array that promises more than there is': Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
        'a text that is no UTF-8': Uint8Array.of(0x92, 40, 0xa1, 0xff),
        'arrays in arrays without end': Uint8Array.from({ length: 100_000 }, () => 0x91),
      };
      for (const [name, bytes] of Object.entries(cases)) {
        const account = await registered(rig.parley.apiUrl);
        await rig.isClosed('malformed', (client) => client.tellBytes(bytes), account).catch((error: Error) => assert.fail(`${name}: ${error.message}`));
      }
      await rig.isClosed('malformed', (client) => client.tellBytes(cases['no array'] as Uint8Array)); // before hello too
    });

    test('a text frame', async () => {
      await rig.isClosed('malformed', (client) => client.tellText('[4, 1]'));
    });

    test('a frame over frameBytesMax', async () => {
      const { frameBytesMax } = rig.ann.welcome;
      await rig.isClosed('frameTooBig', (client) => client.tellBytes(new Uint8Array(frameBytesMax + 1)), await registered(rig.parley.apiUrl));
      await rig.isClosed('frameTooBig', (client) => client.tellBytes(new Uint8Array(frameBytesMax + 1)));
    });

    test('an unknown type is answered, with its first number where it has one, and the socket stays', async () => {
      const device = await rig.fresh();
      for (const [frame, request] of [
        [[9_999, 77, 'whatever'], 77],
        [[9_998, 'text'], 0],
        [[9_997], 0],
      ] as const) {
        device.client.tellBytes(encode(frame));
        const refused = await device.next('refused');
        assert.deepEqual([refused.why, refused.code, refused.request], ['unknownFrame', refusals.unknownFrame.code, request]);
        assert.match(refused.says, /protocol version/);
      }
      await device.settled();
    });

    test('unknown fields at the end are skipped', async () => {
      const device = await rig.fresh();
      device.client.tellBytes(encode([4, 123, { from: 'a newer client' }, [1, 2, 3]]));
      assert.equal((await device.next('pong')).request, 123);
    });

    test('numbers at the edge of what a frame can hold are answered as any others', async () => {
      const device = await rig.fresh();
      const { chatId, seq } = await device.sayTo(rig.bob.userId, 'hello');
      const most = Number.MAX_SAFE_INTEGER;
      const beyond = await device.askFor('entries', { kind: 'pull', request: most, chatId, after: most, upTo: most, limit: most });
      assert.deepEqual([beyond.entries, beyond.through, beyond.head], [[], seq, seq]);
      assert.equal((await device.history(chatId, most, most)).through, seq);
      device.tell({ kind: 'read', chatId, seq: most });
      device.tell({ kind: 'delivered', chatId, seq: most });
      await device.askFor('moved', { kind: 'resume', request: 1, incarnation: device.welcome.incarnation, cursors: [{ chatId, seq: most, receiptsVersion: most }], last: true });
      await device.askFor('chats', { kind: 'listChats', request: 2, before: { atMs: most, chatId }, limit: most });
      await device.say(chatId, 'and on');
      await rig.isRefused(device, 'clockOff', sendTo(device, chatId, { number: most }));
    });

    test('a second hello', async () => {
      const device = await rig.fresh();
      device.tell(helloOf(device.account));
      const refused = await device.next('refused');
      assert.deepEqual([refused.why, refused.request], ['invalid', 0]);
      await device.settled();
    });
  });
});
