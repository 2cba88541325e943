// Several generators are one load: chats that lie across them are whole, and what they lost together is known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharesOf, startFleet, together, type WindowParts } from '../../bench/generator/fleet.ts';
import { Latency } from '../../bench/generator/latency.ts';
import { startBaseline } from '../../bench/targets/started-baseline.ts';

const window = { warmMs: 100, measuredMs: 500, p99MsMax: 10_000 };
const marks = { begin: () => undefined, end: () => undefined };

test('shares are whole chats while there are enough of them, and hold everybody once', () => {
  assert.deepEqual(sharesOf(20, 2, 3), [
    { first: 0, count: 6 },
    { first: 6, count: 8 },
    { first: 14, count: 6 },
  ]);
  assert.deepEqual(sharesOf(10, 10, 3), [
    { first: 0, count: 3 },
    { first: 3, count: 4 },
    { first: 7, count: 3 },
  ]);
});

test('three processes drive direct chats and a room that lies across all three: everything comes once and in order', async () => {
  for (const chats of [
    { count: 9, members: 2, direct: true },
    { count: 1, members: 11, direct: false },
  ]) {
    const target = await startBaseline({ accounts: chats.count * chats.members, core: undefined, plain: false });
    const { protocol, endpoint, accounts } = target;
    const fleet = await startFleet({ protocol, endpoint, accounts, chats, bodyBytes: 100, seed: 1, arrivals: 'poisson', restMsMax: 0.5 }, 3, []);
    try {
      assert.equal(new Set([...fleet.pids, process.pid]).size, 4, 'processes of their own');
      for (let round = 0; round < 2; round += 1) {
        const result = await fleet.window({ ...window, rate: 400 }, marks);
        assert.ok(result.written > 150, `${result.written} messages`);
        assert.equal(result.received, result.written * (chats.members - 1));
        assert.deepEqual([result.lost, result.missing, result.doubled, result.reordered, result.endedEarly], [0, 0, 0, 0, false]);
        assert.ok((result.latency.ms(50) as number) > 0 && (result.latency.ms(50) as number) < 1_000, 'one clock for all');
      }
      assert.equal(fleet.brokenWhy(), undefined);
    } finally {
      fleet.leave();
      await target.stop();
    }
  }
});

test('a server that goes away is told by whichever generator sees it', async () => {
  const target = await startBaseline({ accounts: 4, core: undefined, plain: false });
  const { protocol, endpoint, accounts } = target;
  const fleet = await startFleet(
    { protocol, endpoint, accounts, chats: { count: 2, members: 2, direct: true }, bodyBytes: 100, seed: 1, arrivals: 'uniform', restMsMax: 0.5 },
    2,
    [],
  );
  await target.stop();
  while (fleet.brokenWhy() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(fleet.brokenWhy() as string, /a connection ended/);
  fleet.leave();
});

test('a delivery that one generator expects and another gets is not lost, one that nobody gets is', () => {
  const part = (written: number, received: number, expected: number): WindowParts => ({
    ...{ rate: 1, measuredMs: 1, accepted: written, delivered: received, written, received, lost: Math.max(0, expected - received), missing: expected - received },
    ...{ doubled: 0, reordered: 0, healed: 0, blocked: 0, refused: 0, endedEarly: false, broken: undefined, latency: new Latency().dump() },
  });
  assert.equal(together([part(10, 0, 10), part(0, 10, 0)], 1).lost, 0);
  assert.equal(together([part(10, 0, 10), part(0, 7, 0)], 1).lost, 3);
});
