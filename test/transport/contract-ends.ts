// The part of the socket server's contract about ends: closing, dying, falling silent, going away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { createServer, connect as dial } from 'node:net';
import { describe, test } from 'node:test';
import type { ListenSockets, Socket } from '../../src/transport/server.ts';
import { connect, numbered, Recorder, rig, settings, subprotocol, turn } from './socket-rig.ts';

/** An upgraded peer that then says nothing, not even pongs. */
async function silentPeer(port: number): Promise<NetSocket> {
  const wire = dial(port, '127.0.0.1');
  const key = Buffer.alloc(16, 7).toString('base64');
  wire.write(
    `GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
  );
  await once(wire, 'data');
  return wire.resume();
}

/** A restart on a fixed port is what matters: one drawn by the system may be kept back for a minute. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function endsContract(name: string, listen: ListenSockets): void {
  describe(`${name}: ends`, () => {
    test('what was queued leaves before the close frame, and closed is told once, after close has returned', async (t) => {
      const recorder = new Recorder();
      const { pair, server } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      for (let i = 0; i < 10; i += 1) socket.send(numbered(i, 1_000));
      socket.close(4409, 'replaced');
      socket.close(4500, 'again');
      assert.equal(recorder.closings.all.length, 0);
      assert.equal(socket.send(numbered(99, 10)), true);
      assert.deepEqual(await client.ended, { code: 4409, reason: 'replaced' });
      assert.equal(client.messages.all.length, 10);
      await recorder.closings.count(1);
      await turn();
      assert.deepEqual(recorder.closings.all, [socket]);
      assert.equal(server.connections(), 0);
    });

    test('after close nothing is received any more, from the same client or out of the same packet', async (t) => {
      const recorder = new Recorder();
      recorder.received = (socket, bytes) => {
        recorder.frames.add({ socket, bytes: Buffer.from(bytes) });
        socket.close(4403, '');
      };
      const { connect: join } = await rig(t, listen, recorder);
      const { ws, ended } = await join();
      for (let i = 0; i < 100; i += 1) ws.send(numbered(i, 10));
      await ended;
      assert.equal(recorder.frames.all.length, 1);
    });

    test('a reason longer than a close frame holds is cut between two characters', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      socket.close(4500, 'ä'.repeat(100));
      assert.deepEqual(await client.ended, { code: 4500, reason: 'ä'.repeat(61) });
    });

    test('a peer that closes, one that dies and one that is closed are each told once, with their own data', async (t) => {
      const recorder = new Recorder();
      const { pair, server } = await rig(t, listen, recorder);
      const pairs = [await pair(recorder), await pair(recorder), await pair(recorder)];
      pairs.forEach(({ socket }, i) => {
        socket.data = i;
        socket.subscribe('chat');
      });
      assert.equal(server.connections(), 3);
      assert.equal(new Set(pairs.map(({ socket }) => socket.id)).size, 3);
      pairs[0]?.client.ws.close(1000);
      pairs[1]?.client.ws.terminate();
      pairs[2]?.socket.close(4503, '');
      await recorder.closings.count(3);
      server.publish('chat', numbered(1, 10));
      for (const { socket } of pairs) {
        assert.equal(socket.send(numbered(1, 10)), true);
        socket.subscribe('chat');
        socket.unsubscribe('chat');
        socket.close(4500, '');
      }
      await turn();
      await turn();
      assert.deepEqual(recorder.closings.all.map(({ data }) => data).sort(), [0, 1, 2]);
      assert.equal(server.connections(), 0);
    });

    test('a peer that dies with a full window is told once, and never drained or skipped afterwards', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      client.ws.pause();
      while (socket.send(numbered(0, 60_000))) await turn();
      client.ws.terminate();
      await recorder.closings.count(1);
      for (let i = 0; i < 5; i += 1) await turn();
      assert.deepEqual([recorder.closings.all, recorder.drains.all, recorder.skips.all], [[socket], [], []]);
    });

    test('no new ones after stopListening, while the open ones go on', async (t) => {
      const recorder = new Recorder();
      const { pair, server, url } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      server.stopListening();
      server.stopListening();
      await assert.rejects(connect(url));
      socket.send(numbered(1, 10));
      assert.deepEqual(await client.messages.next(), numbered(1, 10));
    });

    test('close ends every socket, has told it when it resolves, and frees the port', async (t) => {
      const recorder = new Recorder();
      const { pair, server } = await rig(t, listen, recorder, { port: await freePort() });
      const clients = [await pair(recorder), await pair(recorder)];
      await server.close();
      assert.equal(recorder.closings.all.length, 2);
      for (const { client } of clients) await client.ended;
      const again = await rig(t, listen, new Recorder(), { port: server.port });
      assert.equal(again.server.port, server.port);
      await again.connect();
    });

    test('a port that is taken is an error that names it', async (t) => {
      const { server } = await rig(t, listen, new Recorder());
      await assert.rejects(listen({ ...settings, port: server.port }, new Recorder()), new RegExp(`127\\.0\\.0\\.1:${server.port}`));
    });
  });
}

export function silenceContract(name: string, listen: ListenSockets, idleTimeoutMs: number): void {
  describe(`${name}: silence`, { concurrency: true }, () => {
    test('a peer that falls silent is closed; one that only answers pings stays', async (t) => {
      const recorder = new Recorder();
      const { pair, server } = await rig(t, listen, recorder, { idleTimeoutMs });
      const live = await pair(recorder);
      const silent = await silentPeer(server.port);
      const silentSocket: Socket = await recorder.openings.next();
      const since = performance.now();
      await Promise.all([once(silent, 'close'), recorder.closings.count(1)]);
      const lasted = performance.now() - since;
      assert.deepEqual(recorder.closings.all, [silentSocket]);
      assert.ok(lasted > idleTimeoutMs * 0.4 && lasted < idleTimeoutMs * 2 + 1_000, `closed after ${lasted} ms`);
      live.socket.send(numbered(1, 10));
      assert.deepEqual(await live.client.messages.next(), numbered(1, 10));
    });

    test('a closed socket whose peer sends but never reads is let go after the idle time-out', async (t) => {
      const recorder = new Recorder();
      const { server } = await rig(t, listen, recorder, { idleTimeoutMs });
      const peer = await silentPeer(server.port);
      peer.pause();
      const socket = await recorder.openings.next();
      socket.subscribe('chat');
      while (recorder.skips.all.length === 0) {
        socket.send(numbered(0, 10));
        for (let i = 0; i < 20; i += 1) server.publish('chat', numbered(0, 60_000));
        await turn();
      }
      socket.close(4430, 'too slow');
      const since = performance.now();
      const chatter = setInterval(() => peer.write(Buffer.from([0x82, 0x80, 0, 0, 0, 0])), 20); // empty frames: signs of life
      peer.on('error', () => undefined);
      await new Promise((gone) => peer.once('close', gone)); // not once(): the reset is expected
      clearInterval(chatter);
      const lasted = performance.now() - since;
      assert.ok(lasted < idleTimeoutMs * 3 + 1_000, `let go after ${lasted} ms`);
      assert.deepEqual([recorder.closings.all, recorder.frames.all], [[socket], []]);
    });
  });
}
