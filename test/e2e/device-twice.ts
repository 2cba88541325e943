// One device on two nodes: as on one node, the connection that came later stays, and the other ends with 4409.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { closes } from '../../src/protocol/errors.ts';
import { registered } from './accounts.ts';
import { Device } from './device.ts';

const replaced = closes.replaced.code;
const rounds = 20;

export function deviceTwice(cluster: () => Cluster): void {
  const node = (at: number): ClusterNode => cluster().nodes[at % cluster().nodes.length] as ClusterNode;

  describe('one device on two nodes', () => {
    test('the connection that came first ends with 4409, wherever it is, and the other serves', async (t) => {
      const bob = await Device.connect(node(0).socketUrl, await registered(node(0).apiUrl));
      let ann = await Device.connect(node(0).socketUrl, await registered(node(0).apiUrl));
      const tookMs: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const beganMs = performance.now();
        const next = await Device.connect(node(round).socketUrl, ann.account);
        assert.equal((await ann.client.closed).code, replaced);
        tookMs.push(performance.now() - beganMs);
        ann = next;
        await ann.settled();
        const { seq } = await bob.sayTo(ann.userId, `round ${round}`);
        await ann.next('entry', (entry) => entry.seq === seq);
      }
      t.diagnostic(`the slowest of ${rounds} ended ${Math.round(Math.max(...tookMs))} ms after the next began to connect`);
      assert.ok(Math.max(...tookMs) < 1_000);
      for (const device of [ann, bob]) await device.close();
    });

    test('of two that connect at the same moment exactly one stays, and serves', async () => {
      const account = await registered(node(0).apiUrl);
      const bob = await Device.connect(node(2).socketUrl, await registered(node(2).apiUrl));
      for (let round = 0; round < rounds; round += 1) {
        const both = await Promise.all([0, 1].map((at) => Device.connect(node(round + at).socketUrl, account)));
        const ended = await Promise.race(both.map((device) => device.client.closed.then(({ code }) => ({ device, code }))));
        assert.equal(ended.code, replaced);
        const [stays] = both.filter((device) => device !== ended.device) as [Device];
        const { seq } = await bob.sayTo(stays.userId, `round ${round}`);
        await stays.next('entry', (entry) => entry.seq === seq);
        await stays.settled();
        await stays.close();
      }
      await bob.close();
    });
  });
}
