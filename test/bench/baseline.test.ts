// What the baseline does, and that it is what we measure against.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noNews } from '../../bench/output/steps.ts';
import { noStops, Side } from '../../bench/runs/side.ts';
import { startBaseline } from '../../bench/targets/started-baseline.ts';

const alone = { generators: 1, generatorCores: [], news: noNews, stops: noStops };

for (const plain of [false, true]) {
  const name = plain ? 'plain' : 'gathered';

  test(`the ${name} baseline carries direct messages and rooms, once and in order, to all but the sender`, async () => {
    for (const chats of [
      { count: 10, members: 2, direct: true },
      { count: 2, members: 12, direct: false },
    ]) {
      const target = await startBaseline({ accounts: chats.count * chats.members, core: undefined, plain });
      try {
        const side = await Side.bringUp(target, { chats, bodyBytes: 100, seed: 1, arrivals: 'poisson', restMsMax: 0.5, ...alone });
        const { result, server } = await side.measure('test', { rate: 500, warmMs: 100, measuredMs: 500, p99MsMax: 10_000 });
        side.leave();
        assert.ok(result.written > 200, `${result.written} messages`);
        assert.equal(result.received, result.written * (chats.members - 1));
        assert.deepEqual([result.lost, result.doubled, result.reordered, result.refused, result.endedEarly], [0, 0, 0, 0, false]);
        assert.ok((result.latency.ms(50) as number) > 0);
        assert.ok(process.platform !== 'linux' || server?.after.cpuSeconds !== null);
      } finally {
        await target.stop();
      }
    }
  });
}

test('a server that goes away ends the run with an error', async () => {
  const target = await startBaseline({ accounts: 4, core: undefined, plain: false });
  const side = await Side.bringUp(target, { chats: { count: 2, members: 2, direct: true }, bodyBytes: 100, seed: 1, arrivals: 'uniform', restMsMax: 0.5, ...alone });
  await target.stop();
  await assert.rejects(side.measure('test', { rate: 10, warmMs: 0, measuredMs: 100, p99MsMax: 1_000 }), /the server is gone/);
  side.leave();
});
