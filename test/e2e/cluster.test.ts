// A cluster of real nodes on real services: everything that holds for one server holds for users spread over three, and nodes may be killed, drained, restarted and parted meanwhile.
import { after, before } from 'node:test';
import { quickly } from '../../scripts/services/cassandra.ts';
import { Cluster } from '../../scripts/services/cluster.ts';
import { amongNodes } from './among-nodes.ts';
import { clocksJump } from './clocks-jump.ts';
import { nodesChange } from './nodes-change.ts';
import { presenceCrosses } from './presence-crosses.ts';
import { runOn, twoAtOnce } from './served.ts';
import { tokenMacs } from './token-macs.ts';

let cluster: Cluster;

before(async () => {
  // At first as the build before this one would run it; the windows are those that suites want for readers who lag.
  const environment = { PARLEY_FEATURE_LEVEL: '0', PARLEY_WINDOW_BYTES: '65536' };
  cluster = await Cluster.start({ nodes: 3, proxied: true, authentication: true, store: { java: quickly }, environment }, (text) => process.stderr.write(`${text}\n`));
});
after(() => cluster?.stop());

runOn(() => cluster, { isHeld: true });
await import('./conversation.test.ts');
await import('./catching-up.test.ts');
await import('./devices.test.ts');
await import('./groups.test.ts');
await import('./large-groups.test.ts');
twoAtOnce(() => amongNodes(() => cluster));
clocksJump(() => cluster);
nodesChange(() => cluster);
presenceCrosses(() => cluster); // as the newer build, which all are by now
tokenMacs(() => cluster);
