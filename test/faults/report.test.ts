// The report says what a run has shown: nothing that is wrong goes unsaid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualParty } from './party.ts';
import { reportOf } from './report.ts';
import type { Storm } from './storm.ts';

const good: Storm = {
  options: { seed: 7, faults: 2, kinds: ['killNode', 'cutNats'], nodes: 3, stores: 3, lanes: 3, minutes: 5, perSecond: 60, calmMs: 10_000, party: usualParty, takeovers: 1 },
  machine: '2 × a processor',
  day: '2026-01-02',
  tookMs: 90_000,
  faultsMs: 60_000,
  clients: { sdk: 14, raw: 30, chats: 94, groups: 10 },
  counts: { posted: 500, sent: 499, 'refused notAMember': 1, changed: 12, 'entry by push': 900, 'entry by pull': 80, 'entry by told': 300 },
  stored: 620,
  outcomes: [
    {
      nth: 1,
      round: 1,
      kind: 'killNode',
      on: 0,
      forMs: 10,
      strength: 0,
      heads: true,
      whom: 'node-1',
      beganMs: 100,
      healedMs: 2_100,
      overMs: 3_000,
      evidence: { lost: 14 },
      effects: { resyncs: 5, lost: 14, missed: 3, handedOver: 2 },
    },
    {
      nth: 2,
      round: 1,
      kind: 'cutNats',
      on: 1,
      forMs: 10,
      strength: 0,
      heads: true,
      whom: 'node-2',
      beganMs: 100,
      healedMs: 5_100,
      overMs: 6_000,
      evidence: { held: 2 },
      effects: { held: 2, busy: 3, reconnects: 2, views: 4, handedOver: 1, heals: 2, resyncs: 1 },
    },
  ],
  takeovers: {
    killed: { count: 8, p50Ms: 3_100, p99Ms: 3_900, maxMs: 4_000 },
    drained: { count: 8, p50Ms: 100, p99Ms: 200, maxMs: 210 },
    staying: { count: 8, p50Ms: 30, p99Ms: 80, maxMs: 90 },
    beyond: { count: 8, p50Ms: 70, p99Ms: 170, maxMs: 180 },
    calm: { count: 16, p50Ms: 20, p99Ms: 60, maxMs: 70 },
    times: 1,
    perSecond: 50,
  },
  settled: true,
  settledMs: 1_200,
  missing: 0,
  verdicts: { durable: { count: 0, first: [] }, membersOnly: { count: 0, first: [] } },
  errors: [],
  failedStarts: 0,
};

test('a good run: the faults, how often, what was seen, the seed, and that nothing was found', () => {
  const report = reportOf([good]);
  assert.match(report, /--seed 7 --faults 2 /);
  assert.match(
    report,
    /\| a node is killed \(-9\), and started again \| 1 \| 1 \| 2\.0 s, 2\.0 s \| 14 connections of clients lost \(of 1 faults\) \| 5 resyncs of devices; 2 chats that another node took over \|/,
  );
  assert.match(report, /what is beyond the median of those that stay \| 8 \| 70 ms \| 170 ms \| 180 ms \|/);
  assert.match(report, /until a send made after it is acknowledged \| 8 \| 3100 ms \| 3900 ms \| 4000 ms \|/);
  assert.match(report, /\| 500 \| 499 \| 1 notAMember \| 12 \| 620 \| 900, 80 \| 1\.2 s \|/);
  assert.match(report, /Nothing: no violation/);
});

test('what is wrong is said: violations, faults that nobody saw, errors, sends without an answer', () => {
  const [killed] = good.outcomes;
  const report = reportOf([
    good,
    {
      ...good,
      settled: false,
      outcomes: [{ ...(killed as (typeof good.outcomes)[number]), evidence: {}, effects: { lost: 2, missed: 1, handedOver: 1 } }],
      verdicts: { durable: { count: 3, first: ['sdk1 was told …'] } },
      errors: [{ says: 'an entity crashed', count: 4 }],
      failedStarts: 2,
    },
  ]);
  for (const says of [
    /\*\*3\*\*/,
    /sdk1 was told …/,
    /#1 killNode/,
    /killNode: 0 resyncs of devices/,
    /4 × .*an entity crashed/,
    /2 starts/,
    /\*\*not: sends without an answer\*\*/,
  ])
    assert.match(report, says);
  assert.doesNotMatch(report, /Nothing: no violation/);
});
