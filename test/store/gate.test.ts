// How much is asked of a store at once is bounded, in number and in bytes; what waits comes in its order, and too long a line is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { Gate } from '../../src/store/gate.cql.ts';

const max = { requests: 2, bytes: 100, waiting: 3, waitingBytes: 500 };

test('as many go at once as there may, the others in their order as those leave', async () => {
  const gate = new Gate(max);
  const came: number[] = [];
  assert.deepEqual([gate.enter(1), gate.enter(1)], [undefined, undefined]);
  for (const n of [1, 2, 3]) void gate.enter(1)?.then(() => came.push(n));
  assert.deepEqual([gate.requests, gate.waiting], [2, 3]);
  gate.leave(1);
  await Promise.resolve();
  assert.deepEqual(came, [1]);
  gate.leave(1);
  gate.leave(1);
  await Promise.resolve();
  assert.deepEqual([came, gate.requests, gate.waiting], [[1, 2, 3], 2, 0]);
});

test('a large one waits until it fits, nobody overtakes it, and alone it goes whatever its size', async () => {
  const gate = new Gate(max);
  const came: string[] = [];
  void gate.enter(60);
  void gate.enter(60)?.then(() => came.push('large'));
  void gate.enter(1)?.then(() => came.push('small'));
  assert.deepEqual([gate.requests, came], [1, []]);
  gate.leave(60);
  await Promise.resolve();
  assert.deepEqual(came, ['large', 'small']);
  gate.leave(60);
  gate.leave(1);
  assert.equal(gate.enter(10_000), undefined);
});

test('what would wait in too long a line, or with too many bytes, is refused as unavailable', async () => {
  const gate = new Gate(max);
  void gate.enter(1);
  void gate.enter(1);
  void gate.enter(1);
  await assert.rejects(gate.enter(500) as Promise<void>, StoreUnavailable);
  void gate.enter(1);
  void gate.enter(1);
  await assert.rejects(gate.enter(1) as Promise<void>, /2 requests are under way and 3 wait/);
});
