// Whose code a profile says was run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type CpuProfile, functionsOf, nothing, profileNowUs, splitOf } from '../../bench/cpu-profile.ts';
import { node } from './profile-node.ts';

test('samples count for the package that they were in, Node’s own code for whoever called it, and nothing where nothing ran', () => {
  const profile: CpuProfile = {
    nodes: [
      node(1, '(root)', '', [2, 3, 4, 5, 9, 15]),
      node(2, '(idle)'),
      node(3, '(program)'),
      node(4, '(garbage collector)'),
      node(5, 'execute', 'file:///there/node_modules/cassandra-driver/lib/client.js', [6, 8]),
      node(6, 'concat', 'node:buffer', [7]),
      node(7, 'set'), // a native method
      node(8, 'writev'), // and one that writes
      node(9, 'onStreamRead', 'node:internal/stream_base_commons', [10, 11, 12]),
      node(10, 'parse', 'file:///there/node_modules/@nats-io/nats-core/lib/parser.js', [13]),
      node(11, 'post', 'file:///there/src/core/chat.ts', [14]),
      node(12, 'pino', 'file:///there/node_modules/pino/pino.js'),
      node(13, 'forUser', 'file:///there/src/cluster/link.nats.ts'),
      node(14, '#write', 'file:///there/src/transport/server.uws.ts'), // a native method of the library is in it
      node(15, 'rest', 'file:///there/src/structures/event-loop.node.ts', [16]), // the thread sleeps
      node(16, 'wait'),
    ],
    startTime: 1_000,
    samples: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 2],
    timeDeltas: Array.from({ length: 17 }, () => 10),
  };
  assert.deepEqual(splitOf(profile, 0, 1e9), { ...nothing, 'CQL driver': 30, 'NATS client': 10, ours: 30, sockets: 50, garbage: 10 });
  assert.deepEqual(
    functionsOf(profile, 0, 1e9, 'ours'),
    new Map([
      ['post chat.ts', 10],
      ['pino pino.js', 10],
      ['forUser link.nats.ts', 10],
    ]),
  );
  assert.deepEqual(splitOf(profile, 1_045, 1_065), { ...nothing, 'CQL driver': 20 });
});

test('a profile that Node has written is on the clock that we read', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-profile-'));
  t.after(() => rm(folder, { recursive: true }));
  const burn = 'for (let sum = 0, until = Date.now() + 300; Date.now() < until;) sum += Math.sqrt(sum);';
  const fromUs = profileNowUs();
  await promisify(execFile)(process.execPath, ['--cpu-prof', '--cpu-prof-dir', folder, '-e', burn]);
  const toUs = profileNowUs();
  const profile = JSON.parse(await readFile(join(folder, (await readdir(folder))[0] as string), 'utf8')) as CpuProfile;
  const { ours, garbage, sockets } = splitOf(profile, fromUs, toUs);
  assert.ok(ours + garbage + sockets > 200_000 && ours + garbage + sockets <= toUs - fromUs, `${ours} µs of ${toUs - fromUs}`);
  assert.deepEqual(splitOf(profile, toUs, toUs + 1e6), nothing);
});
