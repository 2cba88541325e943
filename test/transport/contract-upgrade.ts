// The part of the socket server's contract about who gets in: origins, subprotocol, how many, TLS, plain HTTP.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { ListenSockets } from '../../src/transport/server.ts';
import { connect, Happenings, numbered, Recorder, refusal, rig, settings, subprotocol } from './socket-rig.ts';

export function upgradeContract(name: string, listen: ListenSockets): void {
  describe(`${name}: upgrade`, () => {
    test('a browser gets in from a listed origin, however its case was configured, and from no other', async (t) => {
      const { url, connect: join } = await rig(t, listen, new Recorder(), { origins: ['https://Chat.example', 'http://localhost:5173'] });
      await join({ origin: 'https://chat.example' });
      await join({ origin: 'http://localhost:5173' });
      await join();
      for (const origin of ['https://evil.example', 'https://chat.example.evil.example', 'http://chat.example', 'null']) {
        const { status, text } = await refusal(url, { origin });
        assert.equal(status, 403);
        assert.match(text, /origin/);
      }
    });

    test('with * every origin gets in', async (t) => {
      const { connect: join } = await rig(t, listen, new Recorder(), { origins: '*' });
      await join({ origin: 'https://evil.example' });
    });

    test('a client that offers our subprotocol among others gets it; one that does not is told which to offer', async (t) => {
      const { url } = await rig(t, listen, new Recorder());
      for (const offer of ['parley.v1', ['mqtt', 'parley.v1'], ['parley.v1', 'parley.v2']]) {
        const { ws } = await connect(url, {}, offer);
        assert.equal(ws.protocol, 'parley.v1');
        ws.terminate();
      }
      for (const offer of ['parley.v2', [], ['mqtt', 'parley.v10']]) {
        const { status, text } = await refusal(url, {}, offer);
        assert.equal(status, 400);
        assert.match(text, /parley\.v1/);
      }
    });

    test('one connection more than the most is asked to come later, and gets in when another has gone', async (t) => {
      const recorder = new Recorder();
      const { url, server, connect: join } = await rig(t, listen, recorder, { connectionsMax: 2 });
      const first = await join();
      await join();
      const { status, retryAfter, text } = await refusal(url);
      assert.equal(status, 503);
      assert.ok(Number(retryAfter) > 0);
      assert.match(text, /no more connections/);
      first.ws.terminate();
      await recorder.closings.count(1);
      await join();
      assert.equal(server.connections(), 2);
    });

    test('a connection opens when its turn comes, and counts from when it waits for it', async (t) => {
      const turns = new Happenings<() => void>();
      const { url, server, connect: join } = await rig(t, listen, new Recorder(), { connectionsMax: 1, admit: inTurn(turns) });
      const first = join();
      const open = await turns.next();
      assert.equal((await refusal(url)).status, 503);
      assert.equal(server.connections(), 0);
      open();
      await first;
      assert.equal(server.connections(), 1);
    });

    test('one that has gone before its turn counts no more, once that has been noticed', async (t) => {
      const recorder = new Recorder();
      const turns = new Happenings<() => void>();
      const { url, server, connect: join } = await rig(t, listen, recorder, { connectionsMax: 1, admit: inTurn(turns) });
      const gone = new WebSocket(url, subprotocol);
      gone.on('error', () => undefined);
      const first = await turns.next();
      gone.terminate();
      if (server.transport === 'uws') first(); // nobody looks before its turn
      const second = untilTaken(join); // refused until then
      const open = await turns.next();
      first();
      open();
      await second;
      // By uWebSockets.js it is opened where its request had come before it went, and closed in the same breath.
      if (server.transport === 'ws') assert.equal(recorder.openings.all.length, 1);
      assert.deepEqual([recorder.openings.all.length - recorder.closings.all.length, server.connections()], [1, 1]);
    });

    test('where too many wait for their turn, one more is asked to come later', async (t) => {
      const { url } = await rig(t, listen, new Recorder(), { admit: () => false });
      const { status, retryAfter } = await refusal(url);
      assert.deepEqual([status, Number(retryAfter) > 0], [503, true]);
    });

    test('as many are asked to come later as found no place, also where one of those has gone without a request', async (t) => {
      let places = 0;
      let asked = 0;
      const admit = (open: () => void): boolean => {
        asked += 1;
        if (places > 0) open();
        return places > 0;
      };
      const { url, server, connect: join } = await rig(t, listen, new Recorder(), { admit });
      const silent = net.connect(server.port, '127.0.0.1');
      await new Promise((connected) => silent.once('connect', connected));
      silent.destroy();
      for (let at = 0; at < 3; at += 1) assert.equal((await refusal(url)).status, 503);
      places = 1;
      for (let at = 0; at < 3; at += 1) await join();
      assert.equal(server.connections(), 3);
      assert.ok(asked >= 6);
    });

    test('plain HTTP is told that this port speaks WebSocket', async (t) => {
      const { server } = await rig(t, listen, new Recorder());
      for (const [method, where] of [
        ['GET', '/'],
        ['POST', '/anything'],
        ['GET', '/deep/path?x=1'],
      ] as const) {
        const response = await fetch(`http://127.0.0.1:${server.port}${where}`, { method });
        assert.equal(response.status, 426);
        assert.equal(response.headers.get('upgrade'), 'websocket');
        assert.match(await response.text(), /WebSocket only/);
      }
    });

    test('the remote address is plain text', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      assert.equal((await pair(recorder)).socket.remoteAddress, '127.0.0.1');
      const six = await rig(t, listen, recorder, { host: '::' });
      for (const [host, address] of [
        ['127.0.0.1', '127.0.0.1'],
        ['[::1]', '::1'],
      ] as const) {
        const { ws } = await connect(`ws://${host}:${six.server.port}`);
        const { remoteAddress } = await recorder.openings.next();
        assert.equal(remoteAddress, address);
        ws.terminate();
      }
    });
  });

  describe(`${name}: TLS`, () => {
    let folder: string;
    const files = (): { keyFile: string; certFile: string } => ({ keyFile: path(folder, 'key.pem'), certFile: path(folder, 'cert.pem') });
    before(() => {
      folder = mkdtempSync(path(tmpdir(), 'parley-tls-'));
      const { keyFile, certFile } = files();
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile, '-out', certFile, '-days', '2', ...subject],
        { stdio: 'ignore' },
      );
    });
    after(() => rmSync(folder, { recursive: true }));

    test('frames pass in both directions, and a slow reader is refused, told and served as without TLS', async (t) => {
      const recorder = new Recorder();
      const { connect: join } = await rig(t, listen, recorder, { tls: files() });
      const client = await join({ ca: readFileSync(files().certFile) });
      const socket = await recorder.openings.next();
      client.ws.send(numbered(1, 100_000));
      assert.deepEqual((await recorder.frames.next()).bytes, numbered(1, 100_000));
      client.ws.pause();
      let taken = 0;
      for (; socket.send(numbered(taken, 60_000)); taken += 1) await new Promise((next) => setImmediate(next));
      client.ws.resume();
      assert.equal(await recorder.drains.next(), socket);
      await client.messages.count(taken);
      assert.deepEqual(
        client.messages.all.map((frame) => frame.readUInt32BE()),
        Array.from({ length: taken }, (_, i) => i),
      );
      socket.close(4503, 'bye');
      assert.deepEqual(await client.ended, { code: 4503, reason: 'bye' });
    });

    test('a client without TLS does not get in', async (t) => {
      const { server } = await rig(t, listen, new Recorder(), { tls: files() });
      await assert.rejects(connect(`ws://127.0.0.1:${server.port}`));
    });

    test('a certificate that is not there is an error that names the file', async () => {
      const tls = { ...files(), certFile: path(folder, 'absent.pem') };
      await assert.rejects(listen({ ...settings, tls }, new Recorder()), /absent\.pem/);
    });
  });
}

/** Tries again as long as it is told to come later. */
async function untilTaken(join: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await join();
    } catch (error) {
      assert.match((error as Error).message, /503/);
    }
  }
}

function inTurn(turns: Happenings<() => void>): (open: () => void) => boolean {
  return (open) => {
    turns.add(open);
    return true;
  };
}
