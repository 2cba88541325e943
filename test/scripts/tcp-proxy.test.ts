// The proxy that tests cut connections with: what it breaks is gone, in whatever state it was.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';

const target = createServer((socket) => socket.on('error', () => undefined).resume());
before(() => once(target.listen(0, '127.0.0.1'), 'listening'));
after(() => target.close());

async function joined(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1').resume();
  await once(socket, 'connect');
  return socket;
}

test('a cut resets the connections that there are and those that come, until it is mended', async () => {
  const proxy = await TcpProxy.start(target.address() as AddressInfo);
  const first = await joined(proxy);
  first.write('x');
  while (proxy.bytes.toServer === 0) await new Promise(setImmediate);
  proxy.cut();
  assert.equal(((await once(first, 'error'))[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
  const second = connect(proxy.port, '127.0.0.1');
  assert.equal(((await once(second, 'error'))[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
  proxy.mend();
  const third = await joined(proxy);
  assert.equal(third.destroyed, false);
  await proxy.stop();
  assert.equal(((await once(third, 'error'))[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('a socket that was ending when it was cut is let go of', async () => {
  const proxy = await TcpProxy.start(target.address() as AddressInfo);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => joined(proxy)));
  while (proxy.connections < sockets.length) await new Promise(setImmediate);
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve))));
  for (const socket of sockets) {
    socket.end();
    if (socket !== sockets.at(-1)) await new Promise(setImmediate);
  }
  proxy.breakAll();
  await closed;
  while (proxy.connections > 0) await new Promise(setImmediate);
  await proxy.stop();
});
