// Debian's packages: several processes that miss some at the same moment all get them, and where that fails apt-get's own words say why.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const module = fileURLToPath(new URL('../../scripts/services/apt.ts', import.meta.url));

/** Runs `installPackages(packages)` in so many processes at once, with this script for apt-get; what each answered, and what apt-get was told. */
async function install(script: string, packages: readonly string[], processes = 1): Promise<{ readonly answers: readonly string[]; readonly told: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-apt-'));
  try {
    writeFileSync(join(folder, 'apt-get'), `#!/bin/sh\ncd "$(dirname "$0")"\necho "$1" >> told\n${script}\n`, { mode: 0o755 });
    const env = { ...process.env, TMPDIR: folder, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
    const asking = `import { installPackages } from ${JSON.stringify(module)}; console.log(installPackages(${JSON.stringify(packages)}) ?? 'installed');`;
    const run = async (): Promise<string> => (await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', asking], { env })).stdout.trim();
    const answers = await Promise.all(Array.from({ length: processes }, run));
    return { answers, told: readFileSync(join(folder, 'told'), 'utf8').trim().split('\n') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('of several at once each waits for the one before it', async () => {
  const alone = 'mkdir running || { echo "E: Could not get lock" >&2; exit 100; }; sleep 0.3; rmdir running'; // as apt-get's own lock
  const { answers, told } = await install(alone, ['nats-server'], 4);
  assert.deepEqual(answers, ['installed', 'installed', 'installed', 'installed']);
  assert.deepEqual(told, ['install', 'install', 'install', 'install']);
});

test('a package that is not known is looked for in a new list', async () => {
  const { answers, told } = await install('[ "$1" = update ] && touch listed; [ -e listed ] || exit 100', ['redis-server']);
  assert.deepEqual({ answers, told }, { answers: ['installed'], told: ['install', 'update', 'install'] });
});

test('one that is not to be had: the answer is what apt-get said last', async () => {
  const { answers } = await install('[ "$1" = update ] || { echo "E: Unable to locate package nothing" >&2; exit 100; }', ['nothing']);
  assert.deepEqual(answers, ['E: Unable to locate package nothing']);
});

test('no line to the registry: the answer is why, not an empty text', async () => {
  const { answers } = await install('exit 100', ['redis-server']);
  assert.deepEqual(answers, ['apt-get update ended with 100']);
});
