// Four real nodes: what one server refuses a cluster refuses alike, the SDK talks through two of them, and what a message to a large room costs between them.
import { after, before } from 'node:test';
import { quickly } from '../../scripts/services/cassandra.ts';
import { Cluster } from '../../scripts/services/cluster.ts';
import { freePort } from '../../scripts/services/debian.ts';
import { crossings } from './crossings.ts';
import { refusingEnvironment } from './refusing.ts';
import { runOn } from './served.ts';

let cluster: Cluster;
let monitor: string;

before(async () => {
  const port = await freePort();
  monitor = `http://127.0.0.1:${port}`;
  const options = { nodes: 4, store: { java: quickly }, environment: refusingEnvironment, natsConfiguration: `http: "127.0.0.1:${port}"` };
  cluster = await Cluster.start(options, (text) => process.stderr.write(`${text}\n`));
});
after(() => cluster?.stop());

runOn(() => cluster);
await import('./bad-input.test.ts');
await import('./bad-sends.test.ts');
await import('./sdk.test.ts');
crossings(
  () => cluster,
  () => monitor,
);
