// A server that runs somewhere is a target: with a file of tokens, over TLS, from several generators.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readReport } from '../../bench/output/file.ts';
import { Parley } from '../../scripts/services/parley.ts';
import { certificateIn } from '../certificates.ts';

const run = promisify(execFile);
const bench = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const accounts = fileURLToPath(new URL('../../bench/accounts.ts', import.meta.url));

test('accounts are registered by the API of a server, which is then driven over TLS with their tokens', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-remote-'));
  const { certFile, keyFile } = await certificateIn(folder);
  const server = await Parley.start({ environment: { PARLEY_TLS_CERT: certFile, PARLEY_TLS_KEY: keyFile } });
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: certFile };
  try {
    const { stdout: tokens } = await run(process.execPath, [accounts, '--api', `https://localhost:${server.apiPort}`, '--count', '6'], { env });
    const tokensFile = join(folder, 'tokens.jsonl');
    await writeFile(tokensFile, tokens);
    const out = join(folder, 'run.jsonl');
    const html = join(folder, 'run.html');
    const target = ['--target', `wss://localhost:${server.socketPort}`, '--tokens', tokensFile, '--baseline', 'none'];
    const load = ['one-to-one', '--pairs', '3', '--rate', '60', '--seconds', '1', '--generators', '2', '--out', out, '--html', html, '--json'];
    const { stdout } = await run(process.execPath, [bench, ...load, ...target], { env });
    const json = JSON.parse(stdout.trimEnd());
    assert.ok(json.sent > 50 && json.received === json.sent, stdout);
    assert.deepEqual([json.lost, json.doubled, json.reordered, json.void], [0, 0, 0, false]);
    const { steps, results, end } = readReport(out);
    assert.ok(steps.filter(({ phase }) => phase === 'measure').length === 3 && results.length === 1 && end?.exitCode === 0);
    assert.match(await readFile(html, 'utf8'), /<h2>Run 1<\/h2>/);
    const tooFew = run(process.execPath, [bench, 'one-to-one', '--pairs', '4', '--rate', '10', ...target], { env });
    await assert.rejects(tooFew, (error: { code: number; stderr: string }) => error.code === 2 && /needs 8 accounts/.test(error.stderr));
  } finally {
    await server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
