// The rules of the queue.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Queue } from '../../src/structures/queue.ts';

test('a queue gives back what was put in, in that order, however it grows and wraps', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('take' as const), fc.integer({ min: 1, max: 40 })), { maxLength: 200 }), (steps) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of steps) {
        if (step === 'take') {
          assert.equal(queue.peek(), model[0]);
          assert.equal(queue.shift(), model.shift());
        } else {
          for (let at = 0; at < step; at += 1) {
            queue.push(next);
            model.push(next);
            next += 1;
          }
        }
        assert.equal(queue.length, model.length);
      }
      while (model.length > 0) assert.equal(queue.shift(), model.shift());
      assert.equal(queue.peek(), undefined);
      assert.equal(queue.shift(), undefined);
    }),
  );
});
