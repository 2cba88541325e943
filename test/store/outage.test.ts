// Who waits for a store of which no node is there: until one is, for so long, and not too many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, types } from 'cassandra-driver';
import { isAway, Outage, outageMax } from '../../src/store/outage.cql.ts';

const { NoHostAvailableError, OperationTimedOutError, ResponseError } = errors;

test('a store is away where no node could be asked, and not where one says no or does not answer', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  const none = (innerErrors: Record<string, unknown>) => new NoHostAvailableError(innerErrors as Record<string, Error>);
  assert.equal(isAway(none({ a: 'Host considered as DOWN', b: refused })), true);
  assert.equal(isAway(none({})), true);
  assert.equal(isAway(none({ a: 'Host considered as DOWN', b: new OperationTimedOutError('b') })), false);
  assert.equal(isAway(none({ a: new ResponseError(types.responseErrorCodes.overloaded, 'busy') })), false);
  assert.equal(isAway(new OperationTimedOutError('a')), false);
  assert.equal(isAway(refused), false);
});

test('nobody waits while the store is there; while it is away all wait, and go on once a node has answered', async () => {
  const outage = new Outage(() => 0);
  assert.equal(await outage.over(0), true);
  outage.begin();
  const waiting = Array.from({ length: 100 }, () => outage.over(Number.POSITIVE_INFINITY));
  assert.equal(await Promise.race([...waiting, new Promise((resolve) => setImmediate(resolve, 'none'))]), 'none');
  outage.end();
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([true]));
  assert.equal(await outage.over(0), true);
});

test('those who waited go on spread over a time that grows with their number, and is bounded', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const [count, spreadMs] of [
    [1_000, outageMax.spreadMsEach],
    [20_000, outageMax.spreadMsMax],
  ] as const) {
    let draw = 0;
    const outage = new Outage(() => draw++ / count);
    outage.begin();
    let gone = 0;
    const waiting = Array.from({ length: count }, () => outage.over(Number.POSITIVE_INFINITY).then(() => (gone += 1)));
    outage.end();
    t.mock.timers.tick(spreadMs / 2);
    await new Promise(setImmediate);
    assert.ok(Math.abs(gone - count / 2) <= count / 100, `${gone} of ${count} half-way`);
    t.mock.timers.tick(spreadMs / 2);
    await Promise.all(waiting);
  }
});

test('who has waited long enough, is one too many, or waits when all is over, hears no', async () => {
  const outage = new Outage(() => 0);
  outage.begin();
  assert.equal(await outage.over(5), false);
  const waiting = Array.from({ length: outageMax.waiting }, () => outage.over(Number.POSITIVE_INFINITY));
  assert.equal(await outage.over(Number.POSITIVE_INFINITY), false);
  outage.close();
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([false]));
  assert.equal(await outage.over(Number.POSITIVE_INFINITY), false);
});
