// The SDK through the real server, over each transport, and through two nodes of a cluster: five lines.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Parley } from '../../src/sdk/parley.ts';
import { nodeStorage } from '../../src/sdk/storage.node.ts';
import { password } from './accounts.ts';
import { overEachTransport } from './served.ts';

overEachTransport('the SDK', (served) => {
  test('five lines to the first message', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-sdk-'));
    const bob = await Parley.register({ url: served.apiUrl(1), handle: 'bob', password });
    const heard = new Promise<string>((resolve) => bob.on('message', ({ text }) => resolve(text)));

    const ann = await Parley.register({ url: served.apiUrl(0), handle: 'ann', password, storage: nodeStorage(join(folder, 'ann')) });
    const chat = await ann.directChat('bob');
    await chat.send('hello');

    assert.equal(await heard, 'hello');
    t.after(async () => {
      await Promise.all([ann.close(), bob.close()]);
      await rm(folder, { recursive: true, force: true });
    });
  });
});
