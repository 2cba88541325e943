// When a run says nothing about the server, because whoever made the load could make no more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBottleneck } from '../../bench/runs/summary.ts';

for (const [generator, server, expected, why] of [
  [0.9, 0.2, false, 'it had time to spare'],
  [0.91, 0.2, true, 'it had none, and the server did'],
  [0.94, 0.96, true, 'both had little: it may have been either'],
  [0.94, 0.99, false, 'the server had less'],
  [0.99, 0.98, true, 'it had less than a server that was full, too'],
  [0.95, 0, true, 'nothing is known of the server'],
] as const)
  test(`a generator busy ${generator} of the time, a server ${server}: ${why}`, () => {
    assert.equal(isBottleneck(generator, server), expected);
  });
