// A whole cluster on this machine, to look at and to talk through: starts everything, shows a live table, ends everything. `npm run cluster -- --nodes 3`.
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from './services/cluster.ts';
import { ClusterTable } from './services/cluster-table.ts';

const usage = `npm run cluster -- [--nodes 3] [--store-nodes 1|3] [--data DIR] [--port 18080]
--nodes        Parley nodes (1 to 16)
--store-nodes  nodes of Cassandra: 1, or 3 with three replicas of everything (2 GB of memory)
--data         where Cassandra keeps what was written, also for the next time; left out: gone with the cluster
--port         of the first node's sockets; its API is one above, its operators' listener two, the next node's ten`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '3' },
      'store-nodes': { type: 'string', default: '1' },
      data: { type: 'string' },
      port: { type: 'string', default: '18080' },
      help: { type: 'boolean' },
    },
  });
  const nodes = Number(values.nodes);
  const storeNodes = Number(values['store-nodes']);
  const firstPort = Number(values.port);
  const isGood =
    Number.isInteger(nodes) && nodes >= 1 && nodes <= 16 && (storeNodes === 1 || storeNodes === 3) && Number.isInteger(firstPort) && firstPort > 0 && firstPort < 65_000;
  if (values.help === true || !isGood) {
    say(usage);
    process.exitCode = values.help === true ? 0 : 2;
    return;
  }
  const folder = values.data === undefined ? undefined : resolve(values.data);
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const startedMs = performance.now();
  say(
    `Starting NATS, Redis, ${storeNodes === 1 ? 'one Cassandra' : 'three Cassandra nodes'} and ${nodes} Parley node${nodes === 1 ? '' : 's'}: half a minute, more where something has to be fetched.`,
  );
  // One machine stands for all of them: what it has acknowledged is to be on its disk.
  const cluster = await Cluster.start(
    { ownGroup: true, nodes, storeNodes: storeNodes as 1 | 3, firstPort, commitLog: storeNodes === 1 ? 'group' : 'periodic', ...(folder !== undefined && { folder }) },
    say,
  );
  say(`All serve, after ${Math.round((performance.now() - startedMs) / 1_000)} s.`);
  const [first, second = first] = cluster.nodes;
  say(`\nTalk through two nodes, each in a terminal of its own:`);
  say(`  npm run chat -- --as ann --url ${first?.apiUrl}`);
  say(`  npm run chat -- --as bob --url ${second?.apiUrl}`);
  say(`Ask a node: npm run parley -- nodes --ops ${first?.opsUrl}    Ctrl-C ends everything.\n`);
  const table = new ClusterTable(cluster, process.stdout);
  table.show();
  await signalled();
  table.hide();
  say('Ending: nodes drain first.');
  await cluster.stop();
}

function signalled(): Promise<void> {
  return new Promise((done) => {
    let isAsked = false;
    const stop = (): void => {
      if (isAsked) process.exit(1);
      isAsked = true;
      done();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`The cluster did not start. ${(error as Error).message}\n`);
  process.exitCode = 1;
});
