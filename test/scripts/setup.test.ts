// What a fresh clone relies on: a lock file that npm takes, and a set-up that runs a file as if it were not there.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const setUp = join(root, 'scripts', 'setup.mjs');
const folder = mkdtempSync(join(tmpdir(), 'parley-setup-test-'));
after(() => rmSync(folder, { recursive: true }));

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  'scripts' | 'dependencies' | 'optionalDependencies' | 'devDependencies',
  Record<string, string>
>;
const locked = Object.entries((JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }).packages).filter(([path]) => path !== '');

test('every package is pinned by its hash, and by no host', () => {
  for (const [path, { integrity, resolved }] of locked) {
    assert.match(integrity ?? '', /^sha512-/, path);
    assert.equal(resolved, undefined, path);
  }
});

test('what we ask for, we ask for by exact version', () => {
  for (const wanted of [manifest.dependencies, manifest.optionalDependencies, manifest.devDependencies])
    for (const [name, version] of Object.entries(wanted)) assert.match(version, /^\d+\.\d+\.\d+$/, name);
});

test('the lock file has every platform of what it has for one, or npm ci refuses it elsewhere', () => {
  const there = new Set(locked.map(([path]) => path.replace(/^.*node_modules\//, '')));
  for (const [path, { optionalDependencies = {} }] of locked) for (const name of Object.keys(optionalDependencies)) assert.ok(there.has(name), `${path} wants ${name}`);
});

test('Node 22 is in it for every platform that set-up knows', () => {
  const names = [...readFileSync(setUp, 'utf8').matchAll(/'\w+-(?:x64|arm64)': '([\w-]+)'/g)].map(([, name]) => name);
  assert.equal(names.length, 4);
  for (const name of names) assert.match(locked.find(([path]) => path === `node_modules/${name}`)?.[1].version ?? 'missing', /^22\./, name);
});

test('tests run on Node 22, with the native socket server where there is one', () => {
  assert.match(process.version, /^v22\./);
  if (process.platform === 'linux' && process.arch === 'x64') assert.ok(createRequire(import.meta.url)('@uwsjs/linux-x64-22'));
});

test('a file gets its arguments and our Node, and its exit code is the exit code', async () => {
  const child = start('console.log(JSON.stringify([process.version, ...process.argv.slice(2)])); process.exit(3);', ['--as', 'ann', 'a b']);
  assert.deepEqual(JSON.parse(await firstLine(child)), [process.version, '--as', 'ann', 'a b']);
  assert.deepEqual(await once(child, 'exit'), [3, null]);
});

test('a signal reaches the file, which ends as it likes', async () => {
  const child = start("process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1_000); console.log('ready');");
  await firstLine(child);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('a file that a signal has ended shows as the shell would show it', async () => {
  const child = start("process.kill(process.pid, 'SIGKILL');");
  assert.deepEqual(await once(child, 'exit'), [137, null]);
});

test('npm passes signals on to its shell only: every command takes the place of its shell', () => {
  for (const [name, command] of Object.entries(manifest.scripts)) if (command.includes(' run ')) assert.match(command, /^exec node scripts\/setup\.mjs run /, name);
  assert.ok(Object.keys(manifest.scripts).length > 8);
});

test('anything but `run` is answered with how to use it', async () => {
  const child = spawn(process.execPath, [setUp, 'start'], { stdio: ['ignore', 'ignore', 'pipe'] });
  assert.match(await firstLine(child), /^Usage:/);
  assert.deepEqual(await once(child, 'exit'), [1, null]);
});

let files = 0;
function start(code: string, args: readonly string[] = []): ChildProcess {
  files += 1;
  const file = join(folder, `${files}.mjs`);
  writeFileSync(file, code);
  return spawn(process.execPath, [setUp, 'run', file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function firstLine({ stdout, stderr }: ChildProcess): Promise<string> {
  const [line] = await once((stdout ?? stderr) as NodeJS.ReadableStream, 'data');
  return String(line).split('\n')[0] as string;
}
