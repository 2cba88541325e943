// Hellos that wait for their turn to be checked, and such as are too many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToDevice } from '../../src/protocol/codec.ts';
import type { Hello } from '../../src/protocol/connection.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import { Hellos } from '../../src/transport/hellos.ts';
import type { Socket } from '../../src/transport/server.ts';
import { FakeClock } from '../sim/clock.ts';

const userId = 'uAAAAAAAAAAAAAAAAAAAA' as UserId;
const deviceId = 'dAAAAAAAAAAAAAAAAAAAA' as DeviceId;
const hello: Hello = { kind: 'hello', version: 1, token: 'good', deviceId, client: 'test' };

class Rig {
  readonly clock = new FakeClock();
  /** What has become of sockets, by their ids. */
  readonly said: string[] = [];
  readonly waiting: (() => Promise<void>)[] = [];
  isFull = false;
  readonly hellos = new Hellos({
    clock: this.clock,
    random: () => 0.5,
    helloTimeoutMs: 10_000,
    admit: (check) => !this.isFull && this.waiting.push(check) > 0,
    verifyAccess: (token) => (token === 'good' ? { userId, deviceId, issuedAtMs: 0, expiresAtMs: 0 } : 'wrong'),
    deviceGood: async () => true,
    counts: { authFailures: 0 },
    onFault: (fault) => assert.fail(String(fault)),
    attach: ({ id }, _whose, behind) => this.said.push(`${id} attached with ${behind.length} behind`),
    end: (socket, why) => {
      this.said.push(`${socket.id} ${why}`);
      this.hellos.forget(socket);
    },
  });

  open(id: number): Socket {
    const socket: Socket = {
      id,
      remoteAddress: '',
      data: undefined,
      send: (bytes) => {
        const frame = decodeToDevice(bytes);
        return this.said.push(frame.kind === 'move' ? `${id} told to come back after ${frame.afterMs} ms, ${frame.url}` : frame.kind) > 0;
      },
      subscribe: () => undefined,
      unsubscribe: () => undefined,
      close: () => undefined,
    };
    this.hellos.opened(socket);
    return socket;
  }
}

test('a device that has said hello is not closed for waiting, however long its turn takes; one that says none is', async () => {
  const rig = new Rig();
  const [quick] = [rig.open(1), rig.open(2)];
  rig.hellos.received(quick, hello);
  await rig.clock.advance(60_000);
  assert.deepEqual(rig.said, ['2 helloTimeout']);
  rig.hellos.received(quick, { kind: 'ping', request: 1 });
  await rig.waiting[0]?.();
  assert.deepEqual(rig.said.slice(1), ['1 attached with 1 behind']);
  assert.equal(rig.hellos.count, 0);
});

test('a device that goes while its hello waits is not checked any more', async () => {
  const rig = new Rig();
  const socket = rig.open(1);
  rig.hellos.received(socket, hello);
  rig.hellos.forget(socket);
  await rig.waiting[0]?.();
  assert.deepEqual(rig.said, []);
});

test('a device that is logged out while its hello waits does not get in', async () => {
  const rig = new Rig();
  rig.hellos.received(rig.open(1), hello);
  rig.hellos.revoked(deviceId);
  await rig.waiting[0]?.();
  assert.deepEqual(rig.said, ['1 loggedOut']);
});

test('whoever opens sockets hears when the hello of each has been checked, or is long in coming, or it has gone', async () => {
  const rig = new Rig();
  const heard: string[] = [];
  const opening = (name: string, open: () => void): void => void rig.hellos.opening(open).then(() => heard.push(name));
  const sockets: Socket[] = [];
  opening('says', () => void sockets.push(rig.open(1)));
  opening('goes', () => void sockets.push(rig.open(2)));
  opening('is silent', () => void rig.open(3));
  rig.hellos.received(sockets[0] as Socket, hello);
  await rig.clock.advance(0);
  assert.deepEqual(heard, [], 'its hello waits for its turn');
  await rig.waiting[0]?.();
  rig.hellos.forget(sockets[1] as Socket);
  await rig.clock.advance(49);
  assert.deepEqual(heard, ['says', 'goes']);
  await rig.clock.advance(1);
  assert.deepEqual(heard.slice(2), ['is silent']);
});

test('a hello too many has been heard out: one socket is waited for no longer, and no other', async () => {
  const rig = new Rig();
  let entered = 0;
  for (const id of [1, 2]) void rig.hellos.opening(() => void rig.open(id)).then(() => (entered += 1));
  rig.isFull = true;
  const [first] = rig.hellos.sockets();
  rig.hellos.received(first as Socket, hello);
  rig.hellos.forget(first as Socket);
  await rig.clock.settle();
  assert.equal(entered, 1);
});

test('a hello too many is told to come back at a moment of its own, and closed in the end if it stays', async () => {
  const rig = new Rig();
  rig.isFull = true;
  rig.hellos.received(rig.open(1), hello);
  assert.deepEqual(rig.said, ['1 told to come back after 3000 ms, null']);
  await rig.clock.advance(9_000);
  assert.equal(rig.hellos.count, 1);
  await rig.clock.advance(3_000);
  assert.deepEqual(rig.said.slice(1), ['1 helloTimeout']);
});
