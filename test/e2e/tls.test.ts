// One process with a certificate of its own: sockets and API speak TLS and nothing else, and the SDK talks through both.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { ParleyFailed, Parley as Server } from '../../scripts/services/parley.ts';
import { Parley, ServerUnreachable } from '../../src/sdk/parley.ts';
import { type Certificate, certificateIn } from '../certificates.ts';
import { trust } from '../trusting.ts';
import { password, request } from './accounts.ts';
import { RawClient } from './raw-client.ts';

let folder: string;
let certificate: Certificate;
let stranger: Certificate;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-tls-'));
  certificate = await certificateIn(folder);
  stranger = await certificateIn(folder, 'stranger');
  trust(certificate);
});
after(() => rm(folder, { recursive: true, force: true }));

const settings = ({ certFile, keyFile }: Certificate) => ({ PARLEY_TLS_CERT: certFile, PARLEY_TLS_KEY: keyFile });

for (const transport of ['uws', 'ws'] as const) {
  test(`people talk over HTTPS and WSS (${transport})`, async (t) => {
    const server = await Server.start({ transport, environment: settings(certificate) });
    t.after(() => server.stop());
    assert.equal(server.transport, transport);
    const url = `https://127.0.0.1:${server.apiPort}`;
    const { body } = await request('GET', `${url}/v1/server`);
    assert.equal((body as { socketUrl: string }).socketUrl, `wss://127.0.0.1:${server.socketPort}`);
    const [ann, bob] = [await Parley.register({ url, handle: 'ann', password }), await Parley.register({ url, handle: 'bob', password })];
    t.after(() => Promise.all([ann.close(), bob.close()]));
    const heard = new Promise<string>((resolve) => bob.on('message', ({ text }) => resolve(text)));
    const long = 'under lock and key, '.repeat(2_000); // more than one TLS record
    await (await ann.directChat('bob')).send(long);
    assert.equal(await heard, long);
  });

  test(`without TLS nobody gets in, nor with an old one (${transport})`, async (t) => {
    const server = await Server.start({ transport, environment: settings(certificate) });
    t.after(() => server.stop());
    await assert.rejects(RawClient.connect(`ws://127.0.0.1:${server.socketPort}`));
    await assert.rejects(request('GET', `http://127.0.0.1:${server.apiPort}/v1/server`));
    for (const port of [server.socketPort, server.apiPort]) {
      const old = { host: '127.0.0.1', port, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0', rejectUnauthorized: false } as const;
      await assert.rejects(
        new Promise<void>((resolve, reject) => {
          const socket = connectTls(old, () => resolve(socket.destroy() as never)).on('error', reject);
        }),
      );
    }
    const client = await RawClient.connect(`wss://127.0.0.1:${server.socketPort}`);
    await client.close();
  });
}

test('a server whose certificate nobody vouches for is not talked to', async (t) => {
  const server = await Server.start({ environment: settings(stranger) });
  t.after(() => server.stop());
  await assert.rejects(Parley.register({ url: `https://127.0.0.1:${server.apiPort}`, handle: 'ann', password }), ServerUnreachable);
  await assert.rejects(RawClient.connect(`wss://127.0.0.1:${server.socketPort}`), /certificate/);
});

test('files that are no certificate, or do not belong together, stop the start with the setting to look at', async () => {
  const nonsense = join(folder, 'nonsense.pem');
  await writeFile(nonsense, 'not a certificate');
  const wrong = [
    { PARLEY_TLS_CERT: certificate.certFile },
    { PARLEY_TLS_CERT: join(folder, 'not-there.pem'), PARLEY_TLS_KEY: certificate.keyFile },
    { PARLEY_TLS_CERT: nonsense, PARLEY_TLS_KEY: certificate.keyFile },
    { PARLEY_TLS_CERT: certificate.certFile, PARLEY_TLS_KEY: stranger.keyFile },
  ];
  for (const environment of wrong) {
    for (const transport of ['uws', 'ws'] as const) {
      await assert.rejects(Server.start({ transport, environment }), (error: Error) => {
        assert.ok(error instanceof ParleyFailed);
        assert.match(error.message, /PARLEY_TLS_(?:CERT|KEY)/);
        assert.doesNotMatch(error.message, /\n\s+at /);
        return true;
      });
    }
  }
});
