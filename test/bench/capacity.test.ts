// Capacity is reckoned from the kept costs, and the document says what comes out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { costsKept, documentWith, habits, sizeOf, sizes, tablesOf } from '../../bench/capacity.ts';
import { shardCount } from '../../src/cluster/placement.ts';
import { viewRules } from '../../src/cluster/view.ts';

const document = readFileSync(new URL('../../docs/capacity.md', import.meta.url), 'utf8');

test('docs/capacity.md has the tables of the costs that are kept; `node bench/capacity.ts --write` renews them', () => {
  assert.equal(document, documentWith(document, tablesOf(costsKept(), sizes, habits)));
});

test('what the document says of shards and heartbeats is what the code has', () => {
  assert.ok(document.includes(`**${shardCount.toLocaleString('en')} nodes** is the end`));
  const hearing = ((1_000 / viewRules.heartbeatMs) * shardCount * costsKept().natsReceiveCpuUs.value) / 1e4;
  assert.ok(document.includes(`cost each of them ${hearing.toFixed(1)} % of its core`));
});

test('machines grow with users and with what they do, and one process is enough for few', () => {
  const costs = costsKept();
  const [few, many, all] = sizes.map((users) => sizeOf(users, costs, habits));
  assert.deepEqual([few?.alone, few?.nodes, few?.storeCores], [true, 1, 0]);
  assert.ok(many && all && !many.alone && all.nodes > many.nodes && all.storeCores > 900 * many.storeCores);
  assert.equal(all.messagesPerSecond, (1e9 * 30 * 2) / 86_400);
  const busier = sizeOf(1e9, costs, { ...habits, messagesADay: 60 });
  assert.ok(Math.abs(busier.storeCores / all.storeCores - 2) < 1e-9 && busier.connected === all.connected);
});

test('a process that could carry the messages but not the sessions is not enough', () => {
  const quiet = { ...habits, messagesADay: 0.01, connected: 1 };
  assert.equal(sizeOf(costsKept().sessionsMax.value, costsKept(), quiet).alone, true);
  assert.equal(sizeOf(costsKept().sessionsMax.value + 1, costsKept(), quiet).alone, false);
});
