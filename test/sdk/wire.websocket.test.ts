// The built-in WebSocket as a wire: its ends are told, whichever way they come about.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { webSocketDial } from '../../src/sdk/wire.websocket.ts';

/** Dials and gives the code with which the wire ended. */
function endOf(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the end was not told')), 5_000);
    const closed = (code: number): void => {
      clearTimeout(late);
      resolve(code);
    };
    webSocketDial(() => `ws://127.0.0.1:${port}`)({ opened: () => undefined, received: () => undefined, closed });
  });
}

test('a server that is not there is noticed at once', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  assert.equal(await endOf(port), 1006);
});

test('so is one that hangs up before it has answered', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(await endOf((server.address() as AddressInfo).port), 1006);
  server.close();
});
