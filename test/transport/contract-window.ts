// The part of the socket server's contract about slow readers: the window, `drained`, `skipped`, memory.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { ListenSockets, Socket } from '../../src/transport/server.ts';
import { numbered, Recorder, rig, settings, turn } from './socket-rig.ts';

const frameBytes = 64 * 1024;
const growthBytesMax = 96 * 1024 * 1024;

/** Turn after turn, until the reader's window is full; how many frames were taken. */
async function fill(socket: Socket): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    if (!socket.send(numbered(taken, frameBytes))) return taken;
    await turn();
  }
}

export function windowContract(name: string, listen: ListenSockets): void {
  describe(`${name}: window`, () => {
    test('a reader that stops reading is refused, costs no memory, and gets everything that was taken once it reads again', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      client.ws.pause();
      const taken = await fill(socket);
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 20_000; i += 1) assert.equal(socket.send(numbered(i, frameBytes)), false); // 1.3 GB
      const growth = process.memoryUsage().rss - before;
      assert.ok(growth < growthBytesMax, `grew by ${growth} bytes`);
      assert.equal(recorder.drains.all.length, 0);
      client.ws.resume();
      assert.equal(await recorder.drains.next(), socket);
      assert.equal(socket.send(numbered(taken, frameBytes)), true);
      await client.messages.count(taken + 1);
      assert.deepEqual(
        client.messages.all.map((frame) => frame.readUInt32BE()),
        Array.from({ length: taken + 1 }, (_, i) => i),
      );
    });

    test('a turn that fills the window by itself is refused, and told as soon as the turn has left', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      let taken = 0;
      while (socket.send(numbered(taken, 1_000))) taken += 1;
      assert.ok(taken * 1_000 <= settings.windowBytesMax + 1_000 && taken * 1_004 > settings.windowBytesMax - 1_004, `took ${taken}`);
      assert.equal(await recorder.drains.next(), socket);
      await client.messages.count(taken);
      assert.equal(recorder.drains.all.length, 1);
    });

    test('a reader that never stops is never refused and never told', async (t) => {
      const recorder = new Recorder();
      const { pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      for (let i = 0; i < 500; i += 1) {
        assert.equal(socket.send(numbered(i, 10_000)), true);
        await client.messages.count(i + 1);
      }
      assert.deepEqual([recorder.drains.all, recorder.skips.all], [[], []]);
    });

    test('a subscriber over its window is skipped and told, later; the others get everything; it may leave on the spot', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder);
      const [slow, quick] = [await pair(recorder), await pair(recorder)];
      for (const { socket } of [slow, quick]) socket.subscribe('chat');
      recorder.skipped = (socket, topic) => {
        socket.unsubscribe('chat');
        recorder.skips.add({ socket, topic });
      };
      slow.client.ws.pause();
      let published = 0;
      for (; recorder.skips.all.length === 0; published += 1) {
        server.publish('chat', numbered(published, frameBytes));
        assert.equal(recorder.skips.all.length, 0); // never from within
        await quick.client.messages.count(published + 1);
      }
      const [skip] = recorder.skips.all;
      assert.equal(skip?.socket, slow.socket);
      assert.ok(skip?.topic === 'chat' || skip?.topic === '');
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 1_000; i += 1) server.publish('chat', numbered(0, 40), quick.socket);
      slow.client.ws.resume();
      assert.equal(await recorder.drains.next(), slow.socket);
      slow.socket.send(numbered(1_000_000, 10));
      while ((await slow.client.messages.next()).readUInt32BE() !== 1_000_000);
      const heard = slow.client.messages.all.map((frame) => frame.readUInt32BE()).slice(0, -1);
      assert.deepEqual(
        heard,
        Array.from(heard, (_, i) => i),
      ); // without a gap, up to the skip
      assert.ok(heard.length < published);
      assert.ok(process.memoryUsage().rss - before < growthBytesMax);
      assert.equal(recorder.skips.all.length, 1);
    });

    test('a reader that never reads costs no memory, however much is published, and may be closed on the spot', async (t) => {
      const recorder = new Recorder();
      const { server, pair } = await rig(t, listen, recorder);
      const { client, socket } = await pair(recorder);
      socket.subscribe('chat');
      client.ws.pause();
      const frame = numbered(0, frameBytes);
      while (recorder.skips.all.length === 0) {
        server.publish('chat', frame);
        await turn();
      }
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 5_000; i += 1) server.publish('chat', frame); // 330 MB
      await turn();
      const growth = process.memoryUsage().rss - before;
      assert.ok(growth < growthBytesMax, `grew by ${growth} bytes`);
      recorder.skipped = (skipped) => skipped.close(4430, 'too slow');
      server.publish('chat', frame);
      await recorder.closings.count(1);
      client.ws.resume();
      assert.equal((await client.ended).code, 4430);
    });

    for (const [topics, bytes] of [
      [1, frameBytes],
      [1, 8 * 1024],
      [3, 8 * 1024],
    ] as const)
      test(`what send has taken arrives even when the same turn publishes more than the window, to ${topics} topics, ${bytes} bytes a frame`, (t) =>
        overPublished(t, listen, topics, bytes));
  });
}

async function overPublished(t: TestContext, listen: ListenSockets, topics: number, bytes: number): Promise<void> {
  const recorder = new Recorder();
  const { server, pair } = await rig(t, listen, recorder);
  const { client, socket } = await pair(recorder);
  const names = Array.from({ length: topics }, (_, i) => `chat ${i}`);
  for (const name of names) socket.subscribe(name);
  client.ws.pause();
  await fill(socket);
  client.ws.resume();
  await recorder.drains.next();
  client.ws.pause();
  const first = 1_000_000;
  let taken = 0;
  while (recorder.skips.all.length === 0) {
    for (let i = 0; i < 2; i += 1) {
      const isTaken = socket.send(numbered(first + taken, 10));
      assert.ok(isTaken || bytes < frameBytes); // only small frames may have filled the window without one that was skipped
      if (isTaken) taken += 1;
    }
    for (let i = 0; i < 20; i += 1) server.publish(names[i % topics] as string, numbered(0, bytes));
    await turn();
  }
  assert.ok(taken > 0);
  socket.close(4503, 'after all that');
  await turn();
  client.ws.resume();
  assert.deepEqual(await client.ended, { code: 4503, reason: 'after all that' });
  const heard = client.messages.all.map((frame) => frame.readUInt32BE()).filter((number) => number >= first);
  assert.deepEqual(
    heard,
    Array.from({ length: taken }, (_, i) => first + i),
  );
}
