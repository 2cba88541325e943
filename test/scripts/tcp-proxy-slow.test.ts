// The way that fault tests slow down: late, complete and in order.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';

async function echoed(t: TestContext): Promise<{ readonly proxy: TcpProxy; readonly client: Socket; readonly said: () => string; heard(text: string): Promise<number> }> {
  const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await TcpProxy.start({ port: (server.address() as AddressInfo).port });
  const client = connect(proxy.port, '127.0.0.1');
  client.on('error', () => undefined); // the proxy's end resets it
  await once(client, 'connect');
  let said = '';
  client.on('data', (part: Buffer) => (said += part.toString()));
  t.after(async () => {
    client.destroy();
    await proxy.stop();
    server.close();
  });
  const heard = async (text: string): Promise<number> => {
    while (!said.endsWith(text)) await once(client, 'data');
    return performance.now();
  };
  return { proxy, client, said: () => said, heard };
}

test('a slow way delivers late, in both directions, everything in order', async (t) => {
  const { proxy, client, said, heard } = await echoed(t);
  proxy.slow(100);
  const fromMs = performance.now();
  for (let nth = 0; nth < 50; nth += 1) client.write(`${nth} `);
  assert((await heard('49 ')) - fromMs >= 200);
  assert.equal(said(), Array.from({ length: 50 }, (_, nth) => `${nth} `).join(''));
  assert(proxy.delayed > 0);
});

test('what comes quickly does not overtake what is still on its way', async (t) => {
  const { proxy, client, said, heard } = await echoed(t);
  proxy.slow(150);
  client.write('first ');
  while (proxy.delayed === 0) await new Promise((resolve) => setImmediate(resolve));
  proxy.slow(0);
  client.write('second');
  await heard('second');
  assert.equal(said(), 'first second');
});
