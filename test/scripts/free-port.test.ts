// Ports that programs of tests are given: each one's own, also where several processes ask at once.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../scripts/services/debian.ts';

const many = 400; // of 10,000: without claims dozens would be given twice
const module = fileURLToPath(new URL('../../scripts/services/debian.ts', import.meta.url));
const asking = `import { freePort } from ${JSON.stringify(module)}; const ports = []; while (ports.length < ${many}) ports.push(await freePort()); console.log(JSON.stringify(ports));`;

test('no port is given twice, by one process or by another that runs at the same time', async () => {
  const own: number[] = [];
  while (own.length < many) own.push(await freePort());
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', asking]);
  const both = [...own, ...(JSON.parse(stdout) as number[])];
  assert.equal(both.length, 2 * many);
  if (process.platform === 'linux') assert.equal(new Set(both).size, both.length);
  else assert.equal(new Set(own).size, own.length);
});
