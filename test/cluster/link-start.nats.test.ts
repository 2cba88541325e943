// How a node comes to NATS: every way to log in, TLS, and what it says where something is wrong. On real nats-servers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
import { freePort } from '../../scripts/services/debian.ts';
import { type NatsOptions, NatsServer } from '../../scripts/services/nats.ts';
import { connectToNats, LinkRefused } from '../../src/cluster/link-connect.nats.ts';
import type { LinkOptions } from '../../src/cluster/link-settings.ts';
import { certificateIn } from '../certificates.ts';
import { drawAccounts } from './nats-accounts.ts';
import { NatsMeeting, plain } from './nats-nodes.ts';

const secret = 'a-secret-that-no-text-may-hold';
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-link-'));
});
after(() => rm(folder, { recursive: true }));

async function serverFor(t: TestContext, options: NatsOptions = {}): Promise<NatsServer> {
  const server = await NatsServer.start(options);
  t.after(() => server.stop());
  return server;
}

async function fileOf(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content, { mode: 0o600 });
  return file;
}

/** What the node says that cannot start. */
async function refusal(url: string, options: Partial<LinkOptions> = {}, node = 'a'): Promise<string> {
  let says = '';
  await assert.rejects(
    connectToNats({ ...plain, ...options, servers: [url] }, node, () => 0),
    (error: Error) => {
      says = error.message;
      assert.ok(!says.includes(secret) && !String(error.stack).includes(secret));
      return error instanceof LinkRefused;
    },
  );
  return says;
}

/** Two nodes hear each other there. */
async function meets(url: string, options: Partial<LinkOptions> = {}): Promise<void> {
  const meeting = new NatsMeeting(url, options);
  try {
    const [a, b] = [await meeting.join('a'), await meeting.join('b')];
    a.link.toAll({ kind: 'leftOut', node: 'a' });
    await b.ears.count('all', 1);
  } finally {
    await meeting.end();
  }
}

describe('logging in', () => {
  const wanted = /the server does not accept .* Set PARLEY_NATS_USER and PARLEY_NATS_PASSWORD/;

  test('by user and password', async (t) => {
    const { url } = await serverFor(t, { configuration: `authorization { user: parley, password: "${secret}" }` });
    await meets(url, { login: { by: 'password', user: 'parley', password: secret } });
    assert.match(await refusal(url), wanted);
    assert.match(await refusal(url, { login: { by: 'password', user: 'parley', password: `${secret}!` } }), wanted);
    assert.match(await refusal(url, { login: { by: 'token', token: secret } }), wanted);
  });

  test('by token', async (t) => {
    const { url } = await serverFor(t, { configuration: `authorization { token: "${secret}" }` });
    await meets(url, { login: { by: 'token', token: secret } });
    assert.match(await refusal(url, { login: { by: 'token', token: 'wrong' } }), wanted);
  });

  test('by nkey', async (t) => {
    const pair = nkeys.createUser();
    const { url } = await serverFor(t, { configuration: `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }` });
    await meets(url, { login: { by: 'nkey', file: await fileOf('user.nk', `${new TextDecoder().decode(pair.getSeed())}\n`) } });
    const other = await fileOf('other.nk', new TextDecoder().decode(nkeys.createUser().getSeed()));
    assert.match(await refusal(url, { login: { by: 'nkey', file: other } }), wanted);
    assert.match(await refusal(url, { login: { by: 'nkey', file: await fileOf('bad.nk', secret) } }), /PARLEY_NATS_NKEY: .*bad\.nk does not hold what it should/);
    assert.match(await refusal(url, { login: { by: 'nkey', file: join(folder, 'none.nk') } }), /PARLEY_NATS_NKEY: .*none\.nk cannot be read \(ENOENT\)/);
  });

  test('by creds', async (t) => {
    const { configuration, creds } = drawAccounts();
    const { url } = await serverFor(t, { configuration });
    await meets(url, { login: { by: 'creds', file: await fileOf('user.creds', creds) } });
    assert.match(await refusal(url, { login: { by: 'creds', file: await fileOf('other.creds', drawAccounts().creds) } }), wanted);
    assert.match(await refusal(url, { login: { by: 'creds', file: await fileOf('bad.creds', secret) } }), /PARLEY_NATS_CREDS: .*bad\.creds does not hold what it should/);
  });

  test('a password that is wrong for a while, at a server that came back, does not end the node', async () => {
    const authorization = (password: string): string => `authorization { user: parley, password: "${password}" }`;
    const first = await NatsServer.start({ configuration: authorization(secret) });
    const meeting = new NatsMeeting(first.url, { login: { by: 'password', user: 'parley', password: secret } });
    const a = await meeting.join('a');
    await first.stop();
    const other = await NatsServer.start({ port: first.port, configuration: authorization('changed') });
    await a.ears.until(() => a.ears.faults.length >= 3, 'refused again and again'); // the client gives up at the second, unless it is told not to
    await other.stop();
    const again = await NatsServer.start({ port: first.port, configuration: authorization(secret) });
    await a.ears.until(() => a.ears.of('linked').at(-1)?.isUp === true, 'linked');
    await a.link.flush();
    await meeting.end();
    await again.stop();
  });
});

describe('TLS', () => {
  test('with the authority named it connects; without, with another, or without TLS the text says what to set', async (t) => {
    const own = await certificateIn(folder, 'own');
    const other = await certificateIn(folder, 'other');
    const { url } = await serverFor(t, { configuration: `tls { cert_file: "${own.certFile}", key_file: "${own.keyFile}" }` });
    await meets(url, { tls: { caFile: own.certFile } });
    await meets(url.replace('nats:', 'tls:'), { tls: { caFile: own.certFile } });
    assert.match(await refusal(url, { tls: {} }), /the TLS connection fails: .*Check PARLEY_NATS_TLS_CA/);
    assert.match(await refusal(url, { tls: { caFile: other.certFile } }), /the TLS connection fails: .*Check PARLEY_NATS_TLS_CA/);
    assert.match(await refusal(url, { tls: { caFile: join(folder, 'none.pem') } }), /the TLS connection fails: .*none\.pem doesn't exist/);
    assert.match(await refusal(url), /set PARLEY_NATS_TLS=yes, with PARLEY_NATS_TLS_CA/);
  });

  test('a server that wants to see a certificate gets it', async (t) => {
    const own = await certificateIn(folder, 'mutual');
    const client = await certificateIn(folder, 'client');
    const { url } = await serverFor(t, { configuration: `tls { cert_file: "${own.certFile}", key_file: "${own.keyFile}", ca_file: "${client.certFile}", verify: true }` });
    const { certFile, keyFile } = client;
    await meets(url, { tls: { caFile: own.certFile, certFile, keyFile } });
    assert.match(await refusal(url, { tls: { caFile: own.certFile } }), /PARLEY_NATS_TLS_CERT/);
  });

  test('a node that is to use TLS does not speak without it', async (t) => {
    const { url } = await serverFor(t);
    assert.match(await refusal(url, { tls: {}, login: { by: 'token', token: secret } }), /PARLEY_NATS_TLS/);
  });
});

describe('what else can be wrong', () => {
  test('nobody there, no such host, a server of another kind, and one that says nothing', async (t) => {
    assert.match(await refusal(`nats://127.0.0.1:${await freePort()}`), /^NATS at nats:\/\/127\.0\.0\.1:\d+: nobody answers there .* set PARLEY_NATS\.$/);
    assert.match(await refusal('nats://no-such-host.invalid:4222'), /nobody answers there/);
    const listening = async (says: string): Promise<string> => {
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket.on('error', () => undefined));
        socket.write(says);
      }).listen(0, '127.0.0.1');
      t.after(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      await once(server, 'listening');
      return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    assert.match(await refusal(await listening('HTTP/1.1 400 Bad Request\r\n\r\n')), /Is this a nats-server/);
    assert.match(await refusal(await listening('')), /no answer within 5000 ms/);
  });

  test('a server that carries too little', async (t) => {
    const { url } = await serverFor(t, { configuration: 'max_payload: 65536' });
    assert.match(await refusal(url), /carries messages of up to 65536 bytes\. Set max_payload: 1048576/);
  });

  test('a user with too few rights, and one with just enough', async (t) => {
    const users = [
      'user: few, password: p, permissions: { publish: "test.>", subscribe: ["test.node.>", "test.nodes"] }',
      'user: mute, password: p, permissions: { publish: "test.node.>", subscribe: "test.>" }',
      'user: enough, password: p, permissions: { publish: "test.>", subscribe: "test.>" }',
    ];
    const { url } = await serverFor(t, { configuration: `authorization { users: [${users.map((user) => `{ ${user} }`).join(', ')}] }` });
    const as = (user: string): Partial<LinkOptions> => ({ login: { by: 'password', user, password: 'p' } });
    for (const user of ['few', 'mute']) assert.match(await refusal(url, as(user)), /This user needs to publish and subscribe to test\.>\.$/);
    await meets(url, as('enough'));
  });

  test('a name that cannot stand in a subject', async (t) => {
    const { url } = await serverFor(t);
    for (const node of ['', 'a.b', 'a b', '*', '>', 'a'.repeat(65)]) assert.match(await refusal(url, {}, node), /A node's id is of up to 64 letters/);
  });
});
