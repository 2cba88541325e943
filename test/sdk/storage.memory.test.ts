// The storage in memory keeps what every storage promises, and dies as a test wishes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { StorageClosed } from '../../src/sdk/storage.ts';
import { check } from './check.ts';
import { storagePromises } from './storage.contract.ts';

for (const { says, run } of storagePromises) {
  test(`memory: ${says}`, async () => {
    const disk = memoryDisk();
    await run({ storage: disk.storage, remove: async () => undefined }, check);
  });
}

test('memory: a crash loses the write that is under way, all of it, and frees the disk', async () => {
  const disk = memoryDisk();
  const first = disk.storage();
  await first.open();
  await first.write([{ kind: 'lastNumber', number: 1 }], { sync: true });
  const lost = first.write(
    [
      { kind: 'lastNumber', number: 2 },
      { kind: 'login', login: null },
    ],
    { sync: true },
  );
  disk.crash();
  await assert.rejects(lost, StorageClosed);
  assert.equal((await disk.storage().open()).lastNumber, 1);
  await assert.rejects(first.write([{ kind: 'lastNumber', number: 3 }], { sync: true }), StorageClosed);
});
