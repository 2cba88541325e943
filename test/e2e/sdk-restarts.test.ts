// The SDK through a real server that is killed in the middle of a talk, or comes back with an older history.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { lastingAddress, Parley as Server } from '../../scripts/services/parley.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { Parley } from '../../src/sdk/parley.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { restoreLevel } from '../../src/store/backup.level.ts';
import { password, request } from './accounts.ts';

/** A test does not wait as long as a device does. */
const policy = { reconnectMinMs: 50, reconnectMaxMs: 500, sendTimeoutMs: 2_000 };

test('killed in the middle of a talk: what both wrote comes once, in order, to both', async (t) => {
  const folder = await temporary(t);
  const address = await lastingAddress();
  const first = await Server.start({ data: join(folder, 'data'), environment: address });
  t.after(() => first.stop());
  const [ann, bob] = [await Parley.register({ url: first.apiUrl, handle: 'ann', password, policy }), await Parley.register({ url: first.apiUrl, handle: 'bob', password, policy })];
  t.after(() => Promise.all([ann.close(), bob.close()]));
  const logs = [ann, bob].map((one) => {
    const seen: string[] = [];
    one.on('entry', ({ seq, entryKind, body }) => void seen.push(entryKind === entryKinds.message ? `${seq} ${Buffer.from(body)}` : `${seq}`));
    return seen;
  });
  const [hers, his] = [await ann.directChat('bob'), await bob.directChat('ann')];
  const count = 150;
  const said: Promise<unknown>[] = [];
  let server = first;
  for (let nth = 0; nth < count; nth += 1) {
    said.push(hers.send(`ann ${nth}`), his.send(`bob ${nth}`));
    await said.at(-2 * 8); // a few at a time
    if (nth % 50 !== 25) continue;
    await server.kill('SIGKILL');
    server = await Server.start({ data: join(folder, 'data'), environment: address });
    const started = server;
    t.after(() => started.stop());
  }
  await Promise.all(said);
  for (const chat of [hers, his]) while (chat.seq < 1 + 2 * count) await delay(10);
  for (const [name, other] of [
    ['ann', 0],
    ['bob', 1],
  ] as const) {
    for (const log of logs) {
      const texts = log.map((line) => line.split(' ').slice(1).join(' ')).filter((text) => text.startsWith(name));
      assert.deepEqual(
        texts,
        Array.from({ length: count }, (_, nth) => `${name} ${nth}`),
        `as ${other} saw it`,
      );
      assert.deepEqual(
        log.map((line) => Number(line.split(' ')[0])),
        Array.from({ length: 1 + 2 * count }, (_, at) => at + 1),
      );
    }
  }
  await Promise.all([ann.close(), bob.close()]);
  await server.stop();
});

test('restored from a backup: the devices are told, and end up with what the server has', async (t) => {
  const folder = await temporary(t);
  const address = await lastingAddress();
  const first = await Server.start({ data: join(folder, 'data'), environment: address });
  t.after(() => first.stop());
  const disk = memoryDisk();
  const ann = await Parley.register({ url: first.apiUrl, handle: 'ann', password, policy });
  const bob = await Parley.register({ url: first.apiUrl, handle: 'bob', password, policy, storage: disk.storage() });
  t.after(() => Promise.all([ann.close(), bob.close()]));
  const chat = await ann.directChat('bob');
  await chat.send('kept');
  const copied = await request('POST', `${first.opsUrl}/backup?to=${encodeURIComponent(join(folder, 'copy'))}`);
  assert.equal(copied.status, 200, JSON.stringify(copied.body));
  const all = new Promise<void>((resolve) => bob.on('message', ({ text }) => text === 'lost 9' && resolve()));
  for (let nth = 0; nth < 10; nth += 1) await chat.send(`lost ${nth}`);
  await all;
  await first.stop();

  await restoreLevel({ from: join(folder, 'copy'), directory: join(folder, 'restored'), random: Math.random });
  const resets = [ann, bob].map((one) => new Promise<void>((resolve) => one.on('reset', () => resolve())));
  const second = await Server.start({ data: join(folder, 'restored'), environment: address });
  t.after(() => second.stop());
  await Promise.all(resets);
  const heard = new Promise<void>((resolve) => bob.on('message', ({ text }) => text === 'after' && resolve()));
  const { seq } = await chat.send('after');
  await heard;
  assert.equal(seq, 3);
  for (const one of [ann, bob]) {
    while (one.chat(chat.chatId).seq < seq) await delay(10);
    const { entries } = await one.chat(chat.chatId).history({});
    assert.deepEqual(
      entries.map((entry) => [entry.seq, entry.entryKind === entryKinds.message ? Buffer.from(entry.body).toString() : '']),
      [
        [1, ''],
        [2, 'kept'],
        [3, 'after'],
      ],
    );
  }
  await Promise.all([ann.close(), bob.close()]);
  await second.stop();
});

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-sdk-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
