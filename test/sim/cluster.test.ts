// The same of clusters: two to five nodes that stand still, part, disagree about who is there, die, drain and come back, on one store whose answers get lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterWorlds } from './seeds.ts';
import { testWorlds } from './well.ts';

const counts: Record<string, number> = {};

testWorlds(
  clusterWorlds,
  (nodes) => nodes > 1,
  (verdict) => {
    for (const [what, count] of Object.entries(verdict.counts)) counts[what] = (counts[what] ?? 0) + count;
  },
);

// Worlds in which nothing went wrong would prove nothing.
for (const what of [
  'superseded appends and checks',
  'appends of unknown outcome',
  'forwarded commands',
  'doubled envelopes',
  'lost envelopes to nodes',
  'lost envelopes to users',
  'lost envelopes to chats',
]) {
  test(`in those worlds there were ${what}`, () => assert.ok((counts[what] ?? 0) > 0));
}
