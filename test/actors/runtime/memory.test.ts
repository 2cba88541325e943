// What an idle entity may cost. Measured: 289 bytes of heap, 470 of RSS.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('100,000 idle entities are held within 600 bytes of heap and 1 KiB of RSS each, beside their state', async () => {
  const script = fileURLToPath(new URL('idle-memory.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script]);
  const { awake, heapBytes, rssBytes } = JSON.parse(stdout) as { readonly awake: number; readonly heapBytes: number; readonly rssBytes: number };
  assert.equal(awake, 100_000);
  assert.ok(heapBytes > 100 && heapBytes <= 600, `${heapBytes} bytes of heap per idle entity`);
  assert.ok(rssBytes <= 1_024, `${rssBytes} bytes of RSS per idle entity`);
});
