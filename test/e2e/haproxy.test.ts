// HAProxy with the configuration that we ship, in front of two real servers: balanced, told apart by client address, drained without a refusal, over TLS.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/services/debian.ts';
import { Haproxy, type ServerState } from '../../scripts/services/haproxy.ts';
import { Parley as Server } from '../../scripts/services/parley.ts';
import { Parley } from '../../src/sdk/parley.ts';
import { certificateIn } from '../certificates.ts';
import { trust } from '../trusting.ts';
import { password } from './accounts.ts';
import { RawClient } from './raw-client.ts';

const shipped = fileURLToPath(new URL('../../deploy/haproxy.cfg', import.meta.url));
type Name = 'n1' | 'n2';

let folder: string;
let haproxy: Haproxy;
let port: number;
let plainPort: number;
let metricsPort: number;
const nodes = new Map<Name, { readonly environment: Readonly<Record<string, string>>; server: Server }>();
const open: { close(): unknown }[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-haproxy-test-'));
  const certificate = await certificateIn(folder);
  trust(certificate);
  const pemFile = join(folder, 'parley.pem');
  await writeFile(pemFile, `${certificate.pem}${await readFile(certificate.keyFile, 'utf8')}`, { mode: 0o600 });
  [port, plainPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  for (const name of ['n1', 'n2'] as const) nodes.set(name, await started(name));
  const text = await readFile(shipped, 'utf8');
  haproxy = await Haproxy.start((adminSocket) => here(text, adminSocket, pemFile));
  await seen((servers) => servers.every(({ status }) => status === 'UP'));
});
after(async () => {
  await Promise.all(open.map((one) => one.close()));
  await haproxy?.stop();
  await Promise.all([...nodes.values()].map(({ server }) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function started(name: Name) {
  const environment = {
    PARLEY_PORT: `${await freePort()}`,
    PARLEY_API_PORT: `${await freePort()}`,
    PARLEY_OPS_PORT: `${await freePort()}`,
    PARLEY_SOCKET_URL: `wss://127.0.0.1:${port}`,
    PARLEY_BEHIND_PROXY: 'yes',
    PARLEY_RATE_FACTOR: '0.1', // 6 registrations an hour
    PARLEY_HELLO_TIMEOUT_MS: '60000',
  };
  return { environment, server: await Server.start({ data: join(folder, name), environment }) };
}

/** What we ship, with the addresses of this test, and one node fewer. Each place is really there, or the test fails. */
function here(text: string, adminSocket: string, pemFile: string): string {
  let changed = text.replace(/^ +server n3 .*\n/gm, '');
  const replace = (from: string, to: string): void => {
    assert.ok(changed.includes(from), `${from} is not in ${shipped}`);
    changed = changed.replaceAll(from, to);
  };
  replace('maxconn 200000 ', 'maxconn 1000 '); // as many as a test may have files open
  replace('/run/haproxy/admin.sock', adminSocket);
  replace('/etc/haproxy/parley.pem', pemFile);
  replace('bind :80\n', `bind 127.0.0.1:${plainPort}\n`);
  replace('bind :443 ', `bind 127.0.0.1:${port} `);
  replace('bind 127.0.0.1:8404', `bind 127.0.0.1:${metricsPort}`);
  for (const [name, address] of [
    ['n1', '10.0.0.11'],
    ['n2', '10.0.0.12'],
  ] as const) {
    const { server } = nodes.get(name) as { server: Server };
    replace(`${address}:8080 `, `127.0.0.1:${server.socketPort} `);
    replace(`${address}:8081 `, `127.0.0.1:${server.apiPort} `);
    replace(`addr ${address} port 8082`, `addr 127.0.0.1 port ${server.opsPort}`);
  }
  return changed;
}

function node(name: Name): Server {
  return (nodes.get(name) as { server: Server }).server;
}

/** Asks HAProxy until that holds of what it knows. */
async function seen(holds: (servers: readonly ServerState[]) => boolean): Promise<readonly ServerState[]> {
  const startedMs = performance.now();
  for (;;) {
    const servers = await haproxy.servers();
    if (holds(servers)) return servers;
    if (performance.now() - startedMs > 30_000) throw new Error(`HAProxy still has ${JSON.stringify(servers)}\n${haproxy.said}`);
    await delay(20);
  }
}

const socketsOn = (servers: readonly ServerState[], name: Name): ServerState => servers.find(({ backend, server }) => backend === 'sockets' && server === name) as ServerState;
const isUp = (name: Name, status: string) => (servers: readonly ServerState[]) => servers.filter(({ server }) => server === name).every((one) => one.status.startsWith(status));

async function dial(): Promise<RawClient> {
  const client = await RawClient.connect(`wss://127.0.0.1:${port}`);
  open.push({ close: () => client.close() });
  return client;
}

/** Makes an account, from that address of this machine. */
function register(handle: string, localAddress: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/users', localAddress, agent: false, headers: { 'content-type': 'application/json', ...headers } });
    asked.on('response', (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)));
    asked.on('error', reject).end(JSON.stringify({ handle, password, deviceName: 'test' }));
  });
}

test('the configuration in compose.yaml, which is ours without TLS, is one that HAProxy takes', async () => {
  const compose = await readFile(fileURLToPath(new URL('../../deploy/compose.yaml', import.meta.url)), 'utf8');
  const [, content = ''] = / content: \|\n([\s\S]*)$/.exec(compose) ?? [];
  assert.match(content, /default_backend api/);
  const file = join(folder, 'compose.cfg');
  await writeFile(file, content.replaceAll(/ n\d:/g, ' 127.0.0.1:')); // names that only a network of containers knows
  assert.equal(Haproxy.check(file), '');
});

test('sockets are spread evenly over the nodes', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, dial));
  const servers = await seen((all) => socketsOn(all, 'n1').sessions + socketsOn(all, 'n2').sessions === 20);
  for (const name of ['n1', 'n2'] as const) {
    assert.equal(socketsOn(servers, name).sessions, 10);
    assert.match(await (await fetch(`${node(name).opsUrl}/metrics`)).text(), /^parley_connections\S* 10$/m);
  }
  await Promise.all(clients.map((client) => client.close()));
  await seen((all) => socketsOn(all, 'n1').sessions + socketsOn(all, 'n2').sessions === 0);
});

test('rates are limited by the address of the client, whatever the client says of itself', async () => {
  const statuses: number[] = [];
  while (statuses.length < 20 && statuses.at(-1) !== 429) statuses.push(await register(`many-${statuses.length}`, '127.0.0.2'));
  assert.deepEqual([statuses.length, statuses.filter((status) => status === 201).length], [13, 12]); // six on each node
  assert.equal(await register('disguised', '127.0.0.2', { 'x-forwarded-for': '192.0.2.77' }), 429);
  assert.equal(await register('another', '127.0.0.3'), 201);
});

test('figures of the balancer are there for Prometheus', async () => {
  assert.match(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(), /^haproxy_server_current_sessions\{proxy="sockets",server="n1"\} \d+$/m);
});

test('plain HTTP is sent to HTTPS', async () => {
  const answer = await fetch(`http://127.0.0.1:${plainPort}/v1/server`, { redirect: 'manual' });
  assert.equal(answer.status, 308);
  assert.match(answer.headers.get('location') ?? '', /^https:/);
});

test('a node that an operator takes out keeps its sockets and gets no new ones', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, dial));
  await seen((all) => socketsOn(all, 'n1').sessions === 2);
  for (const backend of ['sockets', 'api']) await haproxy.ask(`set server ${backend}/n1 state drain`);
  const before = socketsOn(await haproxy.servers(), 'n1').sessionsTotal;
  for (let nth = 0; nth < 10; nth += 1) clients.push(await dial());
  const now = socketsOn(await haproxy.servers(), 'n1');
  assert.deepEqual([now.sessions, now.sessionsTotal], [2, before]);
  assert.ok(clients.every(({ isOpen }) => isOpen));
  for (const backend of ['sockets', 'api']) await haproxy.ask(`set server ${backend}/n1 state ready`);
  await Promise.all(clients.map((client) => client.close()));
});

test('a node is drained: nobody is refused meanwhile, the others get all; people talk; it comes back and gets its share', async () => {
  let isDraining = true;
  let dialled = 0;
  const dialling = (async () => {
    for (; isDraining; dialled += 1) await (await dial()).close(); // one that is refused rejects
  })();
  while (dialled < 10) await delay(5);
  const ended = node('n1').kill('SIGTERM');
  await seen(isUp('n1', 'DOWN'));
  const before = socketsOn(await haproxy.servers(), 'n1').sessionsTotal;
  assert.equal((await ended).code, 0);
  const dialledBefore = dialled;
  while (dialled < dialledBefore + 20) await delay(5);
  isDraining = false;
  await dialling;
  assert.equal(socketsOn(await haproxy.servers(), 'n1').sessionsTotal, before);

  // All that is left is n2: a talk by one address for API and sockets.
  const url = `https://127.0.0.1:${port}`;
  const [ann, bob] = [await Parley.register({ url, handle: 'ann', password }), await Parley.register({ url, handle: 'bob', password })];
  open.push(ann, bob);
  const heard = new Promise<string>((resolve) => bob.on('message', ({ text }) => resolve(text)));
  await (await ann.directChat('bob')).send('through the balancer');
  assert.equal(await heard, 'through the balancer');
  await Promise.all([ann.close(), bob.close()]);

  const { environment } = nodes.get('n1') as { environment: Readonly<Record<string, string>> };
  nodes.set('n1', { environment, server: await Server.start({ data: join(folder, 'n1'), environment }) });
  await seen(isUp('n1', 'UP'));
  const clients: RawClient[] = [];
  while (clients.length < 50 && socketsOn(await haproxy.servers(), 'n1').sessions === 0) clients.push(await dial());
  assert.ok(socketsOn(await haproxy.servers(), 'n1').sessions > 0);
});
