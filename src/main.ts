// Reads the settings, opens the stores, starts the node, and drains it on SIGTERM.
import { LinkRefused } from './cluster/link-connect.nats.ts';
import { NodeIdTaken, TooOld } from './cluster/membership.ts';
import { BadSetting, readSettings, type Settings } from './config.ts';
import { startNode } from './node.ts';
import { clusterPorts, type Reporting } from './ports.cluster.ts';
import { embeddedPorts } from './ports.embedded.ts';
import { StoreRefused, StoreUnavailable } from './store/faults.ts';
import { collectSeldom } from './structures/collector.node.ts';
import { nodeEventLoop } from './structures/event-loop.node.ts';
import { heapOfV8, QuietCollector } from './structures/quiet.node.ts';
import { yieldOfV8 } from './structures/threads.node.ts';
import { createLog, type Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { certificateProblem } from './transport/certificate.node.ts';

/** A second signal, or this long after the first and after the time that devices have to move, ends the process whatever is still under way. */
const stopMsMax = 20_000;

async function main(): Promise<void> {
  collectSeldom();
  const quiet = new QuietCollector(heapOfV8(nodeEventLoop.busyShare()));
  setInterval(() => quiet.look(), 1_000).unref();
  await yieldOfV8();
  const settings = readSettings(process.env, ['PARLEY_PASSWORD']);
  const problem = certificateProblem(settings.PARLEY_TLS_CERT, settings.PARLEY_TLS_KEY);
  if (problem !== undefined) throw new BadSetting(problem);
  const log = createLog({ level: settings.PARLEY_LOG, pretty: process.stdout.isTTY });
  try {
    await serve(settings, log);
  } catch (error) {
    if (!isForTheOperator(error)) log.fatal({ err: error }, 'the node did not start');
    throw error;
  }
}

/** Its message says what to do; a stack would hide it. */
function isForTheOperator(error: unknown): boolean {
  return [StoreRefused, StoreUnavailable, LinkRefused, NodeIdTaken, TooOld].some((kind) => error instanceof kind);
}

async function serve(settings: Settings, log: Log): Promise<void> {
  const metrics = createMetrics();
  const onReport: Reporting['onReport'] = ({ level, says }) => log[level](says);
  const isOneOfMany = settings.PARLEY_NATS !== '';
  const ports = isOneOfMany ? await clusterPorts(settings, { onReport }) : await embeddedPorts(settings, { onReport, onCommit: (ms) => metrics.synced(ms) });
  const node = await startNode(settings, ports, log, metrics);
  const scheme = settings.PARLEY_TLS_CERT === '' ? ['http', 'ws'] : ['https', 'wss'];
  const host = settings.PARLEY_HOST;
  log.info({ transport: node.transport, ...(isOneOfMany ? { node: ports.node } : { data: settings.PARLEY_DATA }), incarnation: ports.stores.incarnation }, 'the node serves');
  console.log(
    `Parley serves: API ${scheme[0]}://${host}:${node.apiPort}  sockets ${scheme[1]}://${host}:${node.socketPort} (${node.transport})  metrics http://${settings.PARLEY_OPS_HOST}:${node.opsPort}/metrics`,
  );
  console.log(`Chat: npm run chat -- --as ann${node.apiPort === 8081 ? '' : ` --url ${scheme[0]}://${host}:${node.apiPort}`}`);
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ why }, 'draining');
    setTimeout(() => process.exit(1), stopMsMax + settings.PARLEY_MOVE_SPREAD_MS).unref();
    node.stop().then(
      () => log.flush().finally(() => process.exit(why === 'failed' ? 1 : 0)),
      (error: unknown) => {
        log.fatal({ err: error }, 'the drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  void node.asked.then(stop);
  void node.failed.then((error) => {
    if (error instanceof NodeIdTaken) console.error('Parley ends.', error.message);
    stop('failed');
  });
}

main().catch((error: unknown) => {
  const says = error instanceof BadSetting || isForTheOperator(error) || (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? (error as Error).message : error;
  console.error('Parley did not start.', says);
  process.exit(1);
});
