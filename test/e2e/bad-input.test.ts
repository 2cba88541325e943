// Everything that a device can get wrong: each has its code, a text that says what to do, and harms nobody else.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { Parley } from '../../scripts/services/parley.ts';
import type { FromDevice, ToDevice } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { closes, refusals, type Why } from '../../src/protocol/errors.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import { type Account, registered, seeded, signedEarlier } from './accounts.ts';
import { Device, helloOf } from './device.ts';
import { type Closed, Denied, RawClient, type RawClientOptions } from './raw-client.ts';

type CloseWhy = keyof typeof closes;

for (const transport of ['uws', 'ws'] as const) {
  describe(`bad input (${transport})`, () => {
    let parley: Parley;
    let data: string;
    let expired: string;
    let ann: Device;
    let bob: Device;

    before(async () => {
      data = await mkdtemp(join(tmpdir(), 'parley-bad-'));
      const [[account]] = (await seeded(data, 1)) as [[Account]];
      expired = await signedEarlier(data, account, 60 * 60_000);
      parley = await Parley.start({ data, transport, environment: { PARLEY_HELLO_TIMEOUT_MS: '1500', PARLEY_WINDOW_BYTES: '1048576', PARLEY_ORIGINS: 'https://chat.example' } });
      ann = await Device.connect(parley.socketUrl, { ...account });
      bob = await Device.connect(parley.socketUrl, await registered(parley.apiUrl));
    });
    after(async () => {
      await ann.settled(); // through all of it
      assert.equal((await fetch(`${parley.opsUrl}/healthz`)).status, 200);
      assert.deepEqual(parley.logged('error'), []);
      await parley.stop();
      await rm(data, { recursive: true, force: true });
    });

    /** The socket is closed with that code, and the reason says something. */
    async function isClosed(why: CloseWhy, say: (client: RawClient) => void, account?: Account): Promise<Closed> {
      const client = account === undefined ? await RawClient.connect(parley.socketUrl) : (await Device.connect(parley.socketUrl, account)).client;
      say(client);
      const closed = await client.closed;
      assert.equal(closed.code, closes[why].code);
      assert(closed.reason.length > 10, closed.reason);
      return closed;
    }

    /** The device hears that refusal, with code and text, and its socket stays open. */
    async function isRefused(device: Device, why: Why, frame: FromDevice) {
      const refused = await device.refusedTo(frame);
      assert.deepEqual([refused.why, refused.code, refused.says], [why, refusals[why].code, refusals[why].says]);
      assert(device.client.isOpen);
      return refused;
    }

    function sendTo(device: Device, chatId: ChatId, more: Partial<Send> = {}): Send {
      return { kind: 'send', chatId, number: device.number(), after: device.after(chatId), contentType: 'text/plain', body: Buffer.from('hello'), peer: null, ...more };
    }

    const fresh = async (): Promise<Device> => Device.connect(parley.socketUrl, await registered(parley.apiUrl));

    describe('at the door', () => {
      test('a wrong token', async () => {
        const closed = await isClosed('unauthenticated', (client) => client.tell({ ...helloOf(ann.account), token: `${ann.account.accessToken.slice(0, -4)}AAAA` } as FromDevice));
        assert.match(closed.reason, /Log in/);
        await isClosed('unauthenticated', (client) => client.tell({ ...helloOf(ann.account), token: 'nonsense' } as FromDevice));
      });

      test('an expired token is told apart from a wrong one', async () => {
        const closed = await isClosed('tokenExpired', (client) => client.tell({ ...helloOf(ann.account), token: expired } as FromDevice));
        assert.match(closed.reason, /Refresh/);
      });

      test('no hello at all', async () => {
        await isClosed('helloTimeout', () => undefined);
      });

      test('another frame before hello', async () => {
        await isClosed('unauthenticated', (client) => client.tell({ kind: 'ping', request: 1 }));
      });

      test('a protocol version that never was', async () => {
        await isClosed('versionUnknown', (client) => client.tell({ ...helloOf(ann.account), version: 0 } as FromDevice));
      });

      test('a newer protocol version is answered with the one that both speak', async () => {
        const device = await Device.connect(parley.socketUrl, await registered(parley.apiUrl));
        assert.equal(device.welcome.version, 1);
        await device.close();
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
        const client = await RawClient.connect(parley.socketUrl, { origin: 'https://chat.example' });
        await client.cut();
      });

      test('plain HTTP on the socket port', async () => {
        const answer = await fetch(`http://127.0.0.1:${parley.socketPort}/`);
        assert.deepEqual([answer.status, /WebSocket/.test(await answer.text())], [426, true]);
      });

      async function denial(options: RawClientOptions): Promise<Denied> {
        const error = await RawClient.connect(parley.socketUrl, options).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert(error instanceof Denied, String(error));
        return error;
      }
    });

    describe('frames', () => {
      test('bytes that are no frame of the documented form', async () => {
        const { accessToken, deviceId } = ann.account;
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
          const account = await registered(parley.apiUrl);
          await isClosed('malformed', (client) => client.tellBytes(bytes), account).catch((error: Error) => assert.fail(`${name}: ${error.message}`));
        }
        await isClosed('malformed', (client) => client.tellBytes(cases['no array'] as Uint8Array)); // before hello too
      });

      test('a text frame', async () => {
        await isClosed('malformed', (client) => client.tellText('[4, 1]'));
      });

      test('a frame over frameBytesMax', async () => {
        const { frameBytesMax } = ann.welcome;
        await isClosed('frameTooBig', (client) => client.tellBytes(new Uint8Array(frameBytesMax + 1)), await registered(parley.apiUrl));
        await isClosed('frameTooBig', (client) => client.tellBytes(new Uint8Array(frameBytesMax + 1)));
      });

      test('an unknown type is answered, with its first number where it has one, and the socket stays', async () => {
        const device = await fresh();
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
        const device = await fresh();
        device.client.tellBytes(encode([4, 123, { from: 'a newer client' }, [1, 2, 3]]));
        assert.equal((await device.next('pong')).request, 123);
      });

      test('numbers at the edge of what a frame can hold are answered as any others', async () => {
        const device = await fresh();
        const { chatId, seq } = await device.sayTo(bob.userId, 'hello');
        const most = Number.MAX_SAFE_INTEGER;
        const beyond = await device.askFor('entries', { kind: 'pull', request: most, chatId, after: most, upTo: most, limit: most });
        assert.deepEqual([beyond.entries, beyond.through, beyond.head], [[], seq, seq]);
        assert.equal((await device.history(chatId, most, most)).through, seq);
        device.tell({ kind: 'read', chatId, seq: most });
        device.tell({ kind: 'delivered', chatId, seq: most });
        await device.askFor('moved', { kind: 'resume', request: 1, incarnation: device.welcome.incarnation, cursors: [{ chatId, seq: most, receiptsVersion: most }], last: true });
        await device.askFor('chats', { kind: 'listChats', request: 2, before: { atMs: most, chatId }, limit: most });
        await device.say(chatId, 'and on');
        await isRefused(device, 'clockOff', sendTo(device, chatId, { number: most }));
      });

      test('a second hello', async () => {
        const device = await fresh();
        device.tell(helloOf(device.account));
        const refused = await device.next('refused');
        assert.deepEqual([refused.why, refused.request], ['invalid', 0]);
        await device.settled();
      });
    });

    describe('sends', () => {
      test('to a chat that does not exist, and to one that is not yours: they look the same', async () => {
        const [eve, cleo] = [await fresh(), await fresh()];
        const { chatId } = await ann.sayTo(bob.userId, 'between us');
        const group = await ann.group('ours', [bob.userId]);
        const nowhere = [`g${'x'.repeat(20)}`, `p${'x'.repeat(20)}`] as ChatId[];
        for (const strange of [chatId, group, ...nowhere]) {
          await isRefused(eve, 'noSuchChat', sendTo(eve, strange, { after: 0 }));
          await isRefused(eve, 'noSuchChat', { kind: 'pull', request: eve.request(), chatId: strange, after: 0, upTo: 0, limit: 10 });
          await isRefused(eve, 'noSuchChat', { kind: 'history', request: eve.request(), chatId: strange, before: 0, limit: 10 });
          await isRefused(eve, 'noSuchChat', { kind: 'getMembers', request: eve.request(), chatId: strange });
          await isRefused(eve, 'noSuchChat', { kind: 'leaveChat', chatId: strange, number: eve.number(), after: 0 });
          // With a peer whose chat it is not, neither tells whether it exists.
          if (strange.startsWith('p')) await isRefused(eve, 'wrongPeer', sendTo(eve, strange, { after: 0, peer: cleo.userId }));
        }
        assert.equal(ann.all('entry').filter(({ author }) => author === eve.userId).length, 0);
      });

      test('by one who is no longer a member', async () => {
        const eve = await fresh();
        const chatId = await ann.group('short', [eve.userId]);
        await ann.askFor('sent', { kind: 'removeMember', chatId, number: ann.number(), after: ann.after(chatId), userId: eve.userId });
        await isRefused(eve, 'notAMember', sendTo(eve, chatId, { after: 0 }));
        await isRefused(eve, 'notAMember', { kind: 'getMembers', request: eve.request(), chatId });
      });

      test('of what a role does not allow', async () => {
        const eve = await fresh();
        const chatId = await ann.group('roles', [eve.userId]);
        await isRefused(eve, 'forbidden', { kind: 'removeMember', chatId, number: eve.number(), after: 0, userId: ann.userId });
        const { chatId: direct } = await ann.sayTo(bob.userId, 'a direct chat has two members for ever');
        await isRefused(ann, 'forbidden', { kind: 'addMembers', chatId: direct, number: ann.number(), after: ann.after(direct), userIds: [eve.userId] });
      });

      test('to users that do not exist', async () => {
        const nobody = `u${'x'.repeat(20)}` as UserId;
        const device = await fresh();
        await isRefused(device, 'noSuchUser', sendTo(device, directChatId(device.userId, nobody), { peer: nobody }));
        await isRefused(device, 'noSuchUser', { kind: 'createGroup', number: device.number(), title: 'ghosts', userIds: [nobody] });
      });

      test('with a body over the limit; one at the limit goes through', async () => {
        const device = await fresh();
        const chatId = directChatId(device.userId, bob.userId);
        const { bodyBytesMax } = device.welcome;
        const refused = await isRefused(device, 'bodyTooBig', sendTo(device, chatId, { body: new Uint8Array(bodyBytesMax + 1), peer: bob.userId }));
        assert.match(refused.says, /bodyBytesMax/);
        await device.askFor('sent', sendTo(device, chatId, { body: new Uint8Array(bodyBytesMax), after: 0, peer: bob.userId }));
      });

      test('too many in flight: those over the limit are refused, all others answered, and resending brings every one in, in order', async () => {
        const device = await fresh();
        const { chatId, seq } = await device.sayTo(bob.userId, 'hello');
        const numbers = Array.from({ length: 4 * limits.requestsInFlightMax }, () => device.number());
        const send = (at: number): Send => sendTo(device, chatId, { number: numbers[at] as number, after: numbers[at - 1] ?? device.after(chatId), body: Buffer.from(`${at}`) });
        const frames = numbers.map((_, at) => send(at));
        for (const frame of frames) device.client.tell(frame);
        const answers: ToDevice[] = [];
        for (const number of numbers) answers.push(await device.answerTo(number));
        const refused = answers.flatMap((answer) => (answer.kind === 'refused' ? [answer] : []));
        const over = refused.filter(({ why }) => why === 'tooManyInFlight');
        assert(over.length > 0, 'nothing was refused');
        for (const { code, says, retryAfterMs } of over)
          assert.deepEqual([code, says, (retryAfterMs ?? 0) > 0], [refusals.tooManyInFlight.code, refusals.tooManyInFlight.says, true]);
        for (const { why } of refused) assert(why === 'tooManyInFlight' || why === 'outOfOrder', why); // what came behind a refused one is out of order
        const open = frames.filter((_, at) => answers[at]?.kind === 'refused');
        for (let at = 0; at < open.length; at += limits.openSendsPerChatMax)
          await Promise.all(open.slice(at, at + limits.openSendsPerChatMax).map((frame) => device.askFor('sent', frame)));
        assert.deepEqual(
          (await device.pullAll(chatId, seq)).map(({ number }) => number),
          numbers,
        );
      });

      test('with a number that goes backwards', async () => {
        const device = await fresh();
        const { chatId } = await device.sayTo(bob.userId, 'one');
        const accepted = device.after(chatId);
        const refused = await isRefused(device, 'numberPassed', sendTo(device, chatId, { number: accepted - 1, after: 0 }));
        assert.match(refused.says, /new number/);
        assert.equal((await device.pullAll(chatId)).length, 2);
      });

      test('with a number that lies behind all that the chat remembers', async () => {
        const device = await fresh();
        const first = await device.sayTo(bob.userId, 'the first');
        const { number } = first;
        for (let nth = 0; nth < 16; nth += 1) await device.say(first.chatId, `${nth}`);
        const refused = await isRefused(device, 'settled', sendTo(device, first.chatId, { number, after: 0, body: Buffer.from('the first') }));
        assert.match(refused.says, /Pull/);
        assert.equal((await device.pullAll(first.chatId)).filter((entry) => entry.number === number).length, 1);
      });

      test('with a number whose predecessor has not arrived', async () => {
        const device = await fresh();
        const { chatId } = await device.sayTo(bob.userId, 'one');
        const highest = device.after(chatId);
        const [missing, next] = [device.number(), device.number()];
        const refused = await isRefused(device, 'outOfOrder', sendTo(device, chatId, { number: next, after: missing }));
        assert.equal(refused.highest, highest);
        await device.askFor('sent', sendTo(device, chatId, { number: missing, after: highest }));
        await device.askFor('sent', sendTo(device, chatId, { number: next, after: missing }));
      });

      test('with number 0', async () => {
        const device = await fresh();
        await isRefused(device, 'invalid', sendTo(device, directChatId(device.userId, bob.userId), { number: 0, peer: bob.userId }));
      });

      test('with a clock that is more than a day ahead', async () => {
        const device = await fresh();
        const chatId = directChatId(device.userId, bob.userId);
        const number = (Date.now() + limits.clockAheadMsMax + 60_000) * numbersPerMs;
        const refused = await isRefused(device, 'clockOff', sendTo(device, chatId, { number, peer: bob.userId }));
        assert.match(refused.says, /serverTimeMs/);
        await device.askFor('sent', sendTo(device, chatId, { number: Date.now() * numbersPerMs, after: 0, peer: bob.userId }));
      });

      test('with a list over its limit', async () => {
        const device = await fresh();
        const userIds = Array.from({ length: limits.membersPerCommandMax + 1 }, () => bob.userId);
        await isClosed('malformed', (client) => client.tell({ kind: 'createGroup', number: 1, title: 'x', userIds }), device.account);
      });
    });
  });
}
