// Every peer is driven as Parley is: what is sent comes once and in order to all others of its chat, and is timed.
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Account } from '../../bench/generator/device.ts';
import { speakerOf } from '../../bench/generator/speakers.ts';
import { noNews } from '../../bench/output/steps.ts';
import { peers } from '../../bench/peers/catalogue.ts';
import { noStops, Side } from '../../bench/runs/side.ts';

const alone = { generators: 1, generatorCores: [], news: noNews, stops: noStops };
const missed = 600; // more than one page of an archive
const crowds = [
  { count: 10, members: 2, direct: true },
  { count: 2, members: 12, direct: false },
];

// Two at a time: most of it is waiting, for a server to start and for what is measured to be over.
describe('peers', { concurrency: 2 }, () => {
  for (const peer of peers) {
    test(`${peer.name} carries direct messages and rooms, and lets guests in`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'parley-peer-'));
      const { target, version } = await peer.start({ accounts: 24, core: undefined, folder, say: (text) => process.stderr.write(`${text}\n`) });
      try {
        assert.match(version, /^\d+\.\d+/);
        for (const chats of crowds) {
          const side = await Side.bringUp(target, { chats, bodyBytes: 100, seed: 1, arrivals: 'poisson', restMsMax: 0.5, ...alone });
          const { result } = await side.measure('test', { rate: 300, warmMs: 100, measuredMs: 500, p99MsMax: 10_000 });
          side.leave();
          assert.ok(result.written > 100, `${result.written} messages`);
          assert.equal(result.received, result.written * (chats.members - 1));
          assert.deepEqual([result.lost, result.doubled, result.reordered, result.endedEarly], [0, 0, 0, false]);
          assert.ok((result.latency.ms(50) as number) > 0);
        }
        const [sender, receiver] = target.accounts as [Account, Account];
        const { away } = await speakerOf(target.protocol);
        if (away !== undefined) {
          await away.prepare(target.endpoint, receiver);
          await away.store(target.endpoint, sender, receiver, missed, 100);
          const counters = await away.comeBack(target.endpoint, receiver, missed);
          // An archive has what was sent before, too: whatever it gave out last is what was missed.
          assert.deepEqual(
            counters.slice(-missed),
            Array.from({ length: missed }, (_, at) => at),
          );
        }
        const guest = await (await speakerOf(target.protocol)).connect(target.endpoint, target.accounts[0] as (typeof target.accounts)[0]);
        assert.equal(guest.endedWhy, undefined);
        guest.destroy();
        if (peer.name === 'ejabberd with archive') assert.ok((await stat(join(folder, 'mnesia', 'archive_msg.DAT'))).size > 100_000, 'the archive has kept them');
      } finally {
        await target.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
