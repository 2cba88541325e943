// Who comes and goes on one node is told at once to those who watch on others; without Redis nothing that nobody can know is claimed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import type { PresenceFrame } from '../../src/protocol/presence.ts';
import type { FrameOf } from '../../src/protocol/schema.ts';
import { loggedIn, registered } from './accounts.ts';
import { Device } from './device.ts';

type Presence = FrameOf<typeof PresenceFrame>;
/** Far below what looking again takes. */
const crossMsMax = 1_000;
const rounds = 10;

export function presenceCrosses(cluster: () => Cluster): void {
  const node = (at: number): ClusterNode => cluster().nodes[at] as ClusterNode;
  const user = async (at: number): Promise<Device> => Device.connect(node(at).socketUrl, await registered(node(at).apiUrl));
  const nextOf = (watcher: Device, whom: Device, online: boolean): Promise<Presence> => watcher.next('presence', (told) => told.userId === whom.userId && told.online === online);

  describe('presence between nodes', () => {
    test('who comes and who goes is told on another node within a moment, and who is on two nodes goes when gone from both', async (t) => {
      const [ann, eve] = [await user(0), await user(2)];
      let bob = await user(1);
      for (const watcher of [ann, eve]) await watcher.sayTo(bob.userId, 'hello');
      for (const watcher of [ann, eve]) watcher.tell({ kind: 'watch', userIds: [bob.userId] });
      for (const watcher of [ann, eve]) await nextOf(watcher, bob, true);
      const tookMs: number[] = [];
      const told = async (online: boolean, beganMs: number): Promise<void> => {
        for (const watcher of [ann, eve]) assert.ok((await nextOf(watcher, bob, online)).lastSeenMs > Date.now() - 60_000);
        tookMs.push(performance.now() - beganMs);
      };
      for (let round = 0; round < rounds; round += 1) {
        let beganMs = performance.now();
        await bob.close();
        await told(false, beganMs);
        beganMs = performance.now();
        bob = await Device.connect(node(1).socketUrl, bob.account);
        await told(true, beganMs);
      }
      const laptop = await Device.connect(node(2).socketUrl, await loggedIn(node(2).apiUrl, bob.account));
      // What a node says arrives in the order in which it was said: who has this message has heard of the laptop. What two nodes say has no order.
      for (const watcher of [ann, eve]) {
        const { chatId, seq } = await laptop.sayTo(watcher.userId, 'from the laptop');
        await watcher.next('entry', (entry) => entry.chatId === chatId && entry.seq === seq);
      }
      await bob.close();
      for (const watcher of [ann, eve]) await watcher.settled();
      const beganMs = performance.now();
      await laptop.close();
      await told(false, beganMs);
      for (const watcher of [ann, eve])
        assert.deepEqual(
          watcher.all('presence').map(({ online }) => online),
          [true, ...Array.from({ length: rounds }, () => [false, true]).flat(), false],
          'each change once',
        );
      t.diagnostic(`the slowest of ${tookMs.length} took ${Math.round(Math.max(...tookMs))} ms, closing and connecting among it`);
      assert.ok(Math.max(...tookMs) < crossMsMax, `${Math.max(...tookMs)} ms`);
      for (const device of [ann, eve]) await device.close();
    });

    test('the users of a node that stands still are gone with it, and are there again with it', async () => {
      const [ann, bob] = [await user(0), await user(1)];
      await ann.sayTo(bob.userId, 'hello');
      ann.tell({ kind: 'watch', userIds: [bob.userId] });
      await nextOf(ann, bob, true);
      node(1).pause();
      try {
        await nextOf(ann, bob, false);
      } finally {
        node(1).goOn();
      }
      await nextOf(ann, bob, true);
      await bob.sayTo(ann.userId, 'still here');
      for (const device of [ann, bob]) await device.close();
      await cluster().whole();
    });

    test('the users of a node that is killed are told to be gone once it is out of sight', async () => {
      const [ann, bob] = [await user(0), await user(1)];
      await ann.sayTo(bob.userId, 'hello');
      ann.tell({ kind: 'watch', userIds: [bob.userId] });
      await nextOf(ann, bob, true);
      await node(1).kill('SIGKILL');
      await nextOf(ann, bob, false);
      await node(1).start({ environment: { PARLEY_FEATURE_LEVEL: '1' } });
      await cluster().whole();
      const again = await Device.connect(node(1).socketUrl, bob.account);
      await nextOf(ann, again, true);
      for (const device of [ann, again]) await device.close();
    });

    test('without Redis who comes and goes is told still, and what nobody can know is grey', async () => {
      const [ann, bob] = [await user(0), await user(1)];
      await ann.sayTo(bob.userId, 'hello');
      await cluster().redis?.kill('SIGKILL');
      ann.tell({ kind: 'watch', userIds: [bob.userId] });
      assert.equal((await nextOf(ann, bob, false)).lastSeenMs, 0, 'he is there, but no node has said so since somebody watches');
      await bob.close();
      const again = await Device.connect(node(1).socketUrl, bob.account);
      await nextOf(ann, again, true);
      await cluster().redis?.restart();
      for (const device of [ann, again]) await device.close();
    });
  });
}
