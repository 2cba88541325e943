// That functions which are called once are compiled then, told at the start or later. What it brings is measured, in bench/.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = JSON.stringify(new URL('../../src/structures/compiler.node.ts', import.meta.url).href);

/** Calls 1,000 new functions once each; says how many bytes of code and what belongs to it there are then more, before it was told and after, and what the functions gave. */
const program = `
import { getHeapCodeStatistics } from 'node:v8';
const { compileAtOnce } = await import(${module});
let sum = 0;
const made = (from) => {
  const before = getHeapCodeStatistics().code_and_metadata_size;
  for (let at = from; at < from + 1_000; at += 1) sum += new Function('x', 'let y = 0; for (let i = 0; i < 3; i += 1) y += x * i; return y + ' + at)(at);
  return getHeapCodeStatistics().code_and_metadata_size - before;
};
const interpreted = made(0);
compileAtOnce();
const compiled = made(1_000);
console.log(JSON.stringify({ interpreted, compiled, sum }));
`;

test('a function is compiled at its first call', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  const { interpreted, compiled, sum } = JSON.parse(stdout) as { readonly interpreted: number; readonly compiled: number; readonly sum: number };
  assert.equal(sum, 4 * ((2_000 * 1_999) / 2)); // x * (0 + 1 + 2) + x for each
  assert.ok(compiled > interpreted + 200_000, stdout);
});
