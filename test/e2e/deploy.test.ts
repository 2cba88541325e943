// The settings that we ship for NATS and Cassandra, tried on the real ones: they start with them, let our nodes in, and nobody else.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { auth, Client } from 'cassandra-driver';
import { Cassandra, credentials, quickly } from '../../scripts/services/cassandra.ts';
import { freePort } from '../../scripts/services/debian.ts';
import { NatsServer } from '../../scripts/services/nats.ts';
import { connectToNats, LinkRefused } from '../../src/cluster/link-connect.nats.ts';
import type { LinkOptions } from '../../src/cluster/link-settings.ts';
import { type Certificate, certificateIn } from '../certificates.ts';
import { room } from '../cluster/envelopes.ts';
import { NatsMeeting } from '../cluster/nats-nodes.ts';

const password = 'ofTheNodesOfATest';
const meetMsMax = 30_000;
let folder: string;
let certificate: Certificate;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-deploy-'));
  certificate = await certificateIn(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

const shipped = (file: string): Promise<string> => readFile(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');

/** With what a test has instead; each must really stand there. */
function changed(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((now, [from, to]) => {
    assert.ok(now.includes(from), `${from} is not in what we ship`);
    return now.replaceAll(from, to);
  }, text);
}

test('NATS: servers of one cluster, with TLS everywhere, carry what our nodes say, and take nobody else', async (t) => {
  process.env['PARLEY_NATS_PASSWORD'] = password;
  t.after(() => delete process.env['PARLEY_NATS_PASSWORD']);
  const text = await shipped('nats.conf');
  const ports = [await freePort(), await freePort()] as const;
  const servers: NatsServer[] = [];
  for (const [at, port] of ports.entries()) {
    const configuration = changed(text, [
      ['listen: "0.0.0.0:4222"\n', '\n'],
      ['http: "127.0.0.1:8222"', ''],
      ['"nats1"', `"nats${at + 1}"`],
      ['listen: "0.0.0.0:6222"', `listen: "127.0.0.1:${port}"`],
      ['routes: ["nats://10.0.0.21:6222", "nats://10.0.0.22:6222", "nats://10.0.0.23:6222"]', `routes: [${ports.map((one) => `"nats://127.0.0.1:${one}"`).join(', ')}]`],
      ['/etc/nats/server.cert.pem', certificate.certFile],
      ['/etc/nats/server.key.pem', certificate.keyFile],
      ['/etc/nats/ca.pem', certificate.certFile],
    ]);
    const server = await NatsServer.start({ configuration });
    t.after(() => server.stop());
    servers.push(server);
  }
  const [one, other] = servers as [NatsServer, NatsServer];
  const tls = { caFile: certificate.certFile };
  const meeting = new NatsMeeting(one.url, { login: { by: 'password', user: 'parley', password }, tls, prefix: 'parley' });
  t.after(() => meeting.end());
  const [a, b] = [await meeting.join('a'), await meeting.join('b', { url: other.url })];
  // What is said before the servers have met, nobody hears there: it is said until it is heard.
  const startedMs = performance.now();
  while (b.ears.of('node').length === 0) {
    assert.ok(performance.now() - startedMs < meetMsMax, `the servers do not meet:\n${one.lines.join('\n')}\n${other.lines.join('\n')}`);
    a.link.toNode('b', { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'repair', node: 'a', after: 1, upTo: 0 } });
    await a.link.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const refused = async (options: Partial<LinkOptions>, says: RegExp): Promise<void> => {
    const all: LinkOptions = { servers: [one.url], login: { by: 'password', user: 'parley', password }, tls, prefix: 'parley', pendingBytesMax: 1_048_576, ...options };
    await assert.rejects(
      connectToNats(all, 'c', () => 0),
      (error: Error) => error instanceof LinkRefused && says.test(error.message),
    );
  };
  await refused({ login: { by: 'nothing' } }, /does not accept/);
  await refused({ login: { by: 'password', user: 'parley', password: 'guessed' } }, /does not accept/);
  await refused({ tls: undefined }, /TLS/);
  await refused({ prefix: 'others' }, /needs to publish and subscribe to others/);
});

test('Cassandra: a node starts with them, acknowledges what is on the disk, and lets in who has a password', async (t) => {
  const lines = (await shipped('cassandra.yaml')).split('\n').filter((line) => /^[a-z_]+: /.test(line));
  const settings = new Map(lines.map((line) => line.split(': ', 2) as [string, string]));
  // The test's own configuration says these in the same words; twice would be once too often.
  const ours = ['commitlog_sync', 'commitlog_sync_group_window', 'paxos_variant', 'authenticator'];
  for (const name of ours) assert.ok(settings.has(name), name);
  const configuration = lines.filter((line) => !ours.some((name) => line.startsWith(`${name}:`))).join('\n');
  const cassandra = await Cassandra.start({ commitLog: 'group', authentication: true, configuration, java: quickly });
  t.after(() => cassandra.stop());
  const options = { contactPoints: [...cassandra.contactPoints], localDataCenter: 'dc1' };
  const client = new Client({ ...options, authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) });
  t.after(() => client.shutdown());
  const { rows } = await client.execute('SELECT name, value FROM system_views.settings');
  const inForce = new Map(rows.map((row) => [String(row['name']), String(row['value'])]));
  for (const [name, value] of settings) {
    if (name.startsWith('auth')) continue; // seen by what they do, below
    const now = inForce.get(name);
    assert.ok(now !== undefined, `Cassandra knows no ${name}`);
    if (/^\d+s$/.test(value)) assert.ok([value, `${Number.parseInt(value, 10) * 1_000}ms`].includes(now), `${name}: ${now}`);
    else assert.equal(now, value, name);
  }
  const stranger = new Client(options);
  t.after(() => stranger.shutdown());
  await assert.rejects(stranger.connect());
  await client.execute("CREATE ROLE guest WITH PASSWORD = 'guest of a test' AND LOGIN = true");
  const guest = new Client({ ...options, authProvider: new auth.PlainTextAuthProvider('guest', 'guest of a test') });
  t.after(() => guest.shutdown());
  await assert.rejects(guest.execute("CREATE KEYSPACE theirs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"), /no CREATE permission/);
});
