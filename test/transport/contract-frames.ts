// The part of the socket server's contract about frames: order, sizes, kinds, turns, topics, handlers that throw.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { ListenSockets, Socket } from '../../src/transport/server.ts';
import { numbered, Recorder, rig, settings, turn } from './socket-rig.ts';

class Echo extends Recorder {
  override received(socket: Socket, bytes: Uint8Array): void {
    super.received(socket, bytes);
    socket.send(bytes.slice());
  }
}

/** Connects, subscribes to nothing, and writes into shared memory as soon as a frame has come. */
const watcher = `
const { parentPort, workerData } = require('node:worker_threads');
const { WebSocket } = require('ws');
const seen = new Int32Array(workerData.memory);
const ws = new WebSocket(workerData.url, workerData.subprotocol);
ws.on('open', () => ws.send(new Uint8Array([1])));
ws.on('message', () => { Atomics.store(seen, 0, 1); Atomics.notify(seen, 0); ws.terminate(); });
`;

export function framesContract(name: string, listen: ListenSockets): void {
  describe(`${name}: frames`, () => {
    test('what comes back is what was sent, in order, for every size of frame', async (t) => {
      const { connect } = await rig(t, listen, new Echo(), { windowBytesMax: 1024 * 1024 });
      const { ws, messages } = await connect();
      const sizes = [0, 1, 40, 125, 126, 127, 4_096, 4_097, 65_535, 65_536, 100_000, settings.frameBytesMax, 3];
      const sent = sizes.map((size, i) => Buffer.alloc(size, i + 1));
      for (const frame of sent) ws.send(frame);
      await messages.count(sent.length);
      assert.deepEqual(messages.all, sent);
    });

    test('many frames of one turn arrive in order, mixed small and large', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder, { windowBytesMax: 64 * 1024 * 1024 });
      const { client, socket } = await pair(recorder);
      const frames = Array.from({ length: 2_000 }, (_, i) => numbered(i, i % 7 === 0 ? 20_000 : 4 + (i % 300)));
      for (const frame of frames) assert.equal(socket.send(frame), true);
      await client.messages.count(frames.length);
      assert.deepEqual(client.messages.all, frames);
    });

    test('flush writes at once, without waiting for the end of the turn', async (t) => {
      const recorder = new Recorder();
      const { server, url } = await rig(t, listen, recorder);
      const seen = new Int32Array(new SharedArrayBuffer(4));
      const worker = new Worker(watcher, { eval: true, workerData: { url, subprotocol: settings.subprotocol, memory: seen.buffer } });
      const { socket } = await recorder.frames.next();
      await turn(); // out of the library's own call
      socket.send(new Uint8Array([1]));
      socket.send(new Uint8Array([2]));
      server.flush();
      assert.notEqual(Atomics.wait(seen, 0, 0, 10_000), 'timed-out'); // this turn has not ended yet
      await new Promise((exited) => worker.once('exit', exited));
    });

    test('a text frame closes the socket with 4400 and reaches nobody', async (t) => {
      const recorder = new Recorder();
      const { connect } = await rig(t, listen, recorder);
      const { ws, ended } = await connect();
      ws.send('hello');
      assert.deepEqual(await ended, { code: 4400, reason: 'binary frames only' });
      assert.equal(recorder.frames.all.length, 0);
    });

    test('a frame over the limit closes the socket with 4413 and reaches nobody', async (t) => {
      const recorder = new Recorder();
      const { connect } = await rig(t, listen, recorder);
      const { ws, ended } = await connect();
      ws.send(Buffer.alloc(settings.frameBytesMax + 1));
      assert.equal((await ended).code, 4413);
      assert.equal(recorder.frames.all.length, 0);
    });

    test('a frame far over the limit ends the socket before it has arrived', async (t) => {
      const recorder = new Recorder();
      const { connect } = await rig(t, listen, recorder);
      const { ws, ended } = await connect();
      ws.send(Buffer.alloc(settings.frameBytesMax * 4 + 1));
      assert.ok([1006, 1009].includes((await ended).code));
      await recorder.closings.count(1);
      assert.equal(recorder.frames.all.length, 0);
    });

    test('a published frame reaches the subscribers of that topic, but for one', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder);
      const [ann, bob, cid] = [await pair(recorder), await pair(recorder), await pair(recorder)];
      for (const { socket } of [ann, bob]) socket.subscribe('chat');
      cid.socket.subscribe('other');
      server.publish('chat', numbered(1, 10));
      server.publish('chat', numbered(2, 20_000), ann.socket);
      server.publish('chat', numbered(3, 10), cid.socket); // not subscribed: nobody is left out
      server.publish('nobody', numbered(4, 10));
      server.publish('other', numbered(5, 10));
      bob.socket.unsubscribe('chat');
      server.publish('chat', numbered(6, 10));
      for (const { messages } of [ann.client, bob.client]) await messages.count(3);
      await cid.client.messages.count(1);
      const heard = [ann, bob, cid].map(({ client }) => client.messages.all.map((frame) => frame.readUInt32BE()));
      assert.deepEqual(heard, [[1, 3, 6], [1, 2, 3], [5]]);
    });

    test('of what is sent and published in the same turns nothing is missing, each kind in order, whatever its size', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder, { windowBytesMax: 1024 * 1024 });
      const { client, socket } = await pair(recorder);
      socket.subscribe('chat');
      const sizes = [4, 10, 130, 4_100, 20_000, 70_000, 8];
      for (let round = 0, sent = 0, published = 0; round < sizes.length; round += 1) {
        for (let i = 0; i < 40; i += 1) {
          if (i % (round + 1) === 0) server.publish('chat', numbered(published++, sizes[(round + i) % 3] as number));
          assert.equal(socket.send(numbered(1_000_000 + sent++, i === 0 ? (sizes[round] as number) : 10)), true);
          if (i % 9 === round) server.flush();
        }
        await client.messages.count(sent + published);
      }
      const numbers = client.messages.all.map((frame) => frame.readUInt32BE());
      const sent = numbers.filter((number) => number >= 1_000_000);
      const published = numbers.filter((number) => number < 1_000_000);
      assert.deepEqual([sent, published], [sent.map((_, i) => 1_000_000 + i), published.map((_, i) => i)]);
      assert.deepEqual(recorder.skips.all, []);
    });

    test('what was sent and published in a turn leaves before the close frame of that turn, flushed or not', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder);
      for (const flushes of [true, false]) {
        const { client, socket } = await pair(recorder);
        socket.subscribe('chat');
        await turn();
        server.publish('chat', numbered(1, 10));
        socket.send(numbered(2, 10));
        if (flushes) server.flush();
        socket.close(4503, 'after all that');
        assert.deepEqual(await client.ended, { code: 4503, reason: 'after all that' });
        assert.deepEqual(client.messages.all.map((frame) => frame.readUInt32BE()).toSorted(), [1, 2], `flushed ${flushes}`);
      }
    });

    test('a frame published by one who has gone reaches all who are still there', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder);
      const [ann, bob] = [await pair(recorder), await pair(recorder)];
      for (const { socket } of [ann, bob]) socket.subscribe('chat');
      ann.socket.close(4503, '');
      ann.socket.subscribe('chat');
      server.publish('chat', numbered(1, 10), ann.socket);
      assert.deepEqual(await bob.client.messages.next(), numbered(1, 10));
      await ann.client.ended;
      assert.deepEqual(ann.client.messages.all, []);
    });

    for (const where of ['opened', 'received', 'closed'] as const) {
      test(`a handler that throws in ${where} costs its own socket and nothing else`, async (t) => {
        const recorder = new Echo();
        const { connect, pair, faults } = await rig(t, listen, recorder);
        const bystander = await pair(recorder);
        const fault = new Error('planted');
        recorder[where] = () => {
          throw fault;
        };
        const { ws, ended } = await connect();
        ws.send(new Uint8Array([1]));
        if (where === 'closed') ws.close();
        assert.equal(await faults.next(), fault);
        if (where !== 'closed') assert.equal((await ended).code, 4500);
        delete (recorder as Partial<Echo>)[where];
        bystander.client.ws.send(new Uint8Array([7]));
        assert.deepEqual(await bystander.client.messages.next(), Buffer.from([7]));
      });
    }
  });
}
