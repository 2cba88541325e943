// What is published counts until a turn of the event loop has ended and another one after it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Undrained } from '../../src/transport/undrained.uws.ts';

const header = 4;

test('bytes count for the rest of their turn and through the next one, then no more, and nothing goes on when nothing is published', () => {
  const soon: (() => void)[] = [];
  const undrained = new Undrained((run) => soon.push(run));
  const turn = (): void => {
    for (const run of soon.splice(0)) run();
  };
  undrained.add(100);
  undrained.add(20);
  const first = 120 + 2 * header;
  assert.deepEqual([undrained.bytes, soon.length], [first, 1]);
  turn();
  assert.equal(undrained.bytes, first);
  undrained.add(6);
  assert.equal(undrained.bytes, first + 6 + header);
  turn();
  assert.equal(undrained.bytes, 6 + header);
  turn();
  assert.deepEqual([undrained.bytes, soon.length], [0, 0]);
  undrained.add(1);
  assert.deepEqual([undrained.bytes, soon.length], [1 + header, 1]);
});
