// The storage in a folder keeps what every storage promises, also through the death of its process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeStorage } from '../../src/sdk/storage.node.ts';
import { check } from './check.ts';
import { storagePromises } from './storage.contract.ts';

for (const { says, run } of storagePromises) {
  test(`folder: ${says}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-storage-'));
    await run({ storage: () => nodeStorage(folder), remove: async () => undefined }, check);
    await rm(folder, { recursive: true });
  });
}

test('folder: what a process wrote before it was killed is there, and its lock is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-storage-'));
  const child = spawn(process.execPath, [fileURLToPath(new URL('./storage-writer.node.ts', import.meta.url)), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  let acknowledged = 0;
  for await (const line of lines) {
    acknowledged = Number(line);
    if (acknowledged >= 20) break;
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  const storage = nodeStorage(folder);
  const { lastNumber, outbox } = await storage.open();
  assert.ok(lastNumber >= acknowledged, `${lastNumber} after ${acknowledged} was written`);
  assert.deepEqual(
    outbox.map(({ key }) => key),
    Array.from({ length: lastNumber }, (_, at) => at + 1),
  );
  await storage.close();
  await rm(folder, { recursive: true });
});
