// The API of several nodes: one that does not answer is passed over, one that says no is believed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fetchAccounts } from '../../src/sdk/accounts.fetch.ts';
import { HttpRefused, ServerUnreachable } from '../../src/sdk/accounts.ts';

async function served(t: TestContext, status: number, body: object): Promise<{ readonly url: string; asked: number }> {
  const state = { url: '', asked: 0 };
  const server = createHttp((_request, response) => {
    state.asked += 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

/** Nobody listens there any more. */
async function nowhere(): Promise<string> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

test('the next one is asked where nobody answers, and asked first from then on', async (t) => {
  const node = await served(t, 200, { socketUrl: 'ws://there' });
  const dead = await nowhere();
  const accounts = fetchAccounts(`${dead}, ${node.url}/`);
  assert.equal(await accounts.socketUrl(), 'ws://there');
  assert.equal(await accounts.socketUrl(), 'ws://there');
  assert.equal(node.asked, 2);
});

test('a refusal is an answer: no other node is asked', async (t) => {
  const strict = await served(t, 401, { code: 'wrongPassword', says: 'no' });
  const other = await served(t, 200, {});
  await assert.rejects(fetchAccounts(`${strict.url},${other.url}`).logIn({ handle: 'a', password: 'b', deviceName: 'c' }), HttpRefused);
  assert.equal(other.asked, 0);
});

test('if none answers, it says so', async () => {
  await assert.rejects(fetchAccounts(`${await nowhere()},${await nowhere()}`).socketUrl(), ServerUnreachable);
});
