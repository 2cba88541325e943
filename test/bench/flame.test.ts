// The picture of a CPU profile.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CpuProfile } from '../../bench/cpu-profile.ts';
import { flameGraph } from '../../bench/output/flame.ts';
import { node } from './profile-node.ts';

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 5, 8]),
    node(2, '(idle)'),
    node(3, '(program)'),
    node(4, '(garbage collector)'),
    node(5, 'post', 'file:///there/src/core/chat.ts', [6, 7]),
    node(6, 'a<b> & "c"', 'file:///there/node_modules/@a/b/lib/c.js'),
    node(7, '', 'node:buffer'),
    node(8, 'post', 'file:///there/src/core/chat.ts'), // compiled anew
  ],
  startTime: 0,
  samples: [2, 3, 4, 5, 6, 7, 8, 2],
  timeDeltas: [0, 1_000, 10, 20, 30, 25, 10, 5],
};

/** What each frame says, with its width. */
function framesOf(svg: string): ReadonlyMap<string, number> {
  return new Map([...svg.matchAll(/<title>(.*?)<\/title><rect x="[\d.]+" y="\d+" width="([\d.]+)"/g)].map(([, says, width]) => [says as string, Number(width)]));
}

test('frames are as wide as their shares of what was not idle, the same function of the same caller is one, and names are escaped', () => {
  const svg = flameGraph(profile, 'A <title>');
  const frames = framesOf(svg);
  assert.deepEqual(
    [...frames.keys()],
    [
      '(garbage collector): 20.0 %',
      'outside of JavaScript: 10.0 %',
      'post src/core/chat.ts: 70.0 %',
      '(anonymous) node:buffer: 10.0 %',
      'a&lt;b&gt; &amp; &quot;c&quot; @a/b: 25.0 %',
    ],
  );
  const width = (name: RegExp): number => [...frames].find(([says]) => name.test(says))?.[1] ?? 0;
  assert.ok(Math.abs(width(/^post/) / width(/^outside/) - 7) < 0.05);
  assert.match(svg, /A &lt;title&gt;/);
});

test('a profile of nothing is a picture all the same', () => {
  assert.match(flameGraph({ nodes: [node(1, '(root)', '', [2]), node(2, '(idle)')], startTime: 0, samples: [2, 2], timeDeltas: [0, 9] }, 'idle'), /^<svg[\s\S]*<\/svg>\n$/);
});

test('the command draws a file, and says what is wrong with one that is none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-flame-'));
  t.after(() => rm(folder, { recursive: true }));
  const [from, to, wrong] = ['a.cpuprofile', 'a.svg', 'wrong'].map((name) => join(folder, name)) as [string, string, string];
  await writeFile(from, JSON.stringify(profile));
  await writeFile(wrong, '{"nodes": 3}');
  const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
  const run = (...words: string[]) => promisify(execFile)(process.execPath, [program, 'flame', ...words]);
  await run(from, to);
  assert.match(await readFile(to, 'utf8'), /post src\/core\/chat\.ts: 70\.0 %/);
  await assert.rejects(run(wrong, to), { code: 2, stderr: /wrong is no CPU profile/ });
  await assert.rejects(run(from), { code: 2, stderr: /flame FILE.cpuprofile FILE.svg/ });
});
