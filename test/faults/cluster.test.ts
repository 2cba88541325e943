// Three nodes, Cassandra, NATS and Redis, broken in six ways while people talk: the short form of `npm run faults`.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lineOf } from './nemesis.ts';
import { usualParty } from './party.ts';
import { isSeen } from './report.ts';
import { seedOfRun } from './seeded.ts';
import { storm } from './storm.ts';

test('owners killed and drained, a node paused and cut off, NATS restarted, the store paused: nothing is lost, doubled, reordered or told to strangers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-faults-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed} (TEST_SEED=${seed} repeats its schedule)`);
  const said: string[] = [];
  const result = await storm({
    seed,
    faults: 6,
    kinds: ['killNode', 'drainNode', 'pauseNode', 'cutNats', 'restartNats', 'pauseStore'],
    nodes: 3,
    stores: 1,
    lanes: 3,
    minutes: 5,
    perSecond: 30,
    calmMs: 2_000,
    party: { ...usualParty, sdk: 6, raw: 28, smallGroups: 3, largeGroups: 1 },
    takeovers: 0,
    folder,
    say(text) {
      said.push(text);
      process.stdout.write(`${text}\n`); // shown where it fails, or does not end
    },
  });
  for (const outcome of result.outcomes) t.diagnostic(lineOf(outcome));
  t.diagnostic(`${result.counts['sent']} sends acknowledged, ${result.stored} entries stored; settled ${result.settledMs} ms after the last fault`);
  assert.deepEqual(
    Object.entries(result.verdicts).filter(([, { count }]) => count > 0),
    [],
    said.join('\n'),
  );
  assert.deepEqual(result.outcomes.filter((outcome) => !isSeen(outcome)).map(lineOf), [], 'each fault was seen');
  assert.deepEqual({ settled: result.settled, missing: result.missing, faults: result.outcomes.length }, { settled: true, missing: 0, faults: 6 }, said.join('\n'));
  assert((result.counts['sent'] ?? 0) > 300, `only ${result.counts['sent']} sends were acknowledged`);
});
