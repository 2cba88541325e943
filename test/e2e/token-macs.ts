// Access tokens over an upgrade: their new form is written once all nodes know it, and each node takes both.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { loggedIn, registered } from './accounts.ts';
import { Device } from './device.ts';
import { until } from './nodes-change.ts';

/** The nodes are of the level before, and are of the next one afterwards. */
export function tokenMacs(cluster: () => Cluster): void {
  const node = (at: number): ClusterNode => cluster().nodes[at] as ClusterNode;
  const hasMac = (accessToken: string): boolean => accessToken.includes('~');

  describe('access tokens with a MAC', () => {
    test('are written once all nodes know them, and all nodes take those with and those without', async () => {
      const account = await registered(node(0).apiUrl);
      for (const at of [0, 1, 2]) {
        await node(at).restart({ environment: { PARLEY_FEATURE_LEVEL: '2' } });
        await cluster().whole();
        if (at < 2) assert.equal(hasMac((await loggedIn(node(at).apiUrl, account)).accessToken), false, 'one does not know them yet');
      }
      for (const at of [0, 1, 2]) await until(async () => (await node(at).view()).level === 2, 'the level rises when all nodes read it');
      const tokens = [account, await loggedIn(node(0).apiUrl, account), await loggedIn(node(1).apiUrl, account)];
      assert.deepEqual(
        tokens.map(({ accessToken }) => hasMac(accessToken)),
        [false, true, true],
      );
      for (const at of [0, 1, 2]) for (const one of tokens) await (await Device.connect(node(at).socketUrl, one)).close();
    });
  });
}
