// Durable means durable: under strace, for every `sent` that left the server an fdatasync of the entry's bytes was over before. A kill can't show it: the page cache survives.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Parley } from '../../scripts/services/parley.ts';
import { decodeFromDevice } from '../../src/protocol/codec.ts';
import { registered } from '../e2e/accounts.ts';
import { Device } from '../e2e/device.ts';
import { judgeDurability, nameOf } from './durability.ts';
import { type Call, callsSeen, traceInto } from './trace.ts';

const bursts = 20;
const pairs = 6;
const perBurst = 4; // of each writer

for (const transport of ['uws', 'ws'] as const) {
  test(`every sent, and every push, left after an fdatasync of its entry's bytes was over (${transport})`, async (t) => {
    const { calls, bodies } = await watched(t, transport);
    const { sent, pushed, tooEarly } = judgeDurability(calls, bodies);
    const syncs = calls.filter(({ name }) => name === 'fdatasync').length;
    t.diagnostic(`${sent} sent and ${pushed} pushed frames, ${syncs} fdatasyncs, ${calls.length} system calls looked at`);
    assert.deepEqual(tooEarly, []);
    assert.equal(sent, bodies.size);
    assert(sent >= 200, `only ${sent} were sent`);
    assert.equal(pushed, bodies.size, 'each message is pushed to the other user, and to nobody else');

    // What is judged is worth what it finds: without the syncs, or with syncs that are over too late, every frame left too early.
    const none = calls.filter(({ name }) => name !== 'fdatasync');
    assert.equal(judgeDurability(none, bodies).tooEarly.length, sent + pushed);
    const late = calls.map((call): Call => (call.name === 'fdatasync' ? { ...call, over: Number.MAX_SAFE_INTEGER } : call));
    assert.equal(judgeDurability(late, bodies).tooEarly.length, sent + pushed);
    const unwritten = calls.filter(({ target }) => !target.includes('/journal/'));
    assert.equal(judgeDurability(unwritten, bodies).tooEarly.length, sent + pushed);
  });
}

interface Watched {
  readonly calls: readonly Call[];
  /** By `nameOf`. */
  readonly bodies: ReadonlyMap<string, Uint8Array>;
}

/** A server that is watched from before the first connection to its end, and what was sent to it: bursts of many devices, so that commits carry several entries. */
async function watched(t: TestContext, transport: 'uws' | 'ws'): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-durable-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const parley = await Parley.start({ data, transport });
  t.after(() => parley.stop());
  const accounts = await Promise.all(Array.from({ length: 2 * pairs }, () => registered(parley.apiUrl)));
  const trace = join(folder, 'trace');
  const strace = await traceInto(trace, parley.pid);
  const devices = await Promise.all(accounts.map((account) => Device.connect(parley.socketUrl, account)));
  for (let burst = 0; burst < bursts; burst += 1) {
    const writers = devices.filter((_, at) => at % 2 === burst % 2);
    await Promise.all(
      writers.flatMap((writer) =>
        Array.from({ length: perBurst }, (_, nth) =>
          writer.sayTo(peerOf(writer, devices).userId, `${burst} ${nth} by ${writer.account.deviceId}: ${'recognisable '.repeat(nth + 1)}`),
        ),
      ),
    );
  }
  await parley.stop();
  const bodies = new Map<string, Uint8Array>();
  for (const { client } of devices) {
    for (const { direction, bytes } of client.journal.read()) {
      const frame = direction === 'out' ? decodeFromDevice(bytes) : undefined;
      if (frame?.kind === 'send') bodies.set(nameOf(frame), frame.body);
    }
  }
  assert.equal(bodies.size, bursts * pairs * perBurst, 'two messages of one chat have one number');
  return { calls: await callsSeen(strace, trace), bodies };
}

function peerOf(device: Device, devices: readonly Device[]): Device {
  return devices[devices.indexOf(device) ^ 1] as Device;
}
