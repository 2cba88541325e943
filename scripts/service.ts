// One part of a cluster in the foreground, on its usual port: what each line of the Procfile runs. `node` waits until the services answer.
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { Cassandra } from './services/cassandra.ts';
import { NatsServer } from './services/nats.ts';
import { RedisServer } from './services/redis.ts';

const ports = { nats: 4_222, redis: 6_379, cassandra: 9_042 } as const;
const waitMsMax = 10 * 60_000; // Java and Cassandra may have to be fetched
/** Cassandra's data; that of the others goes with them. */
const folder = resolve(process.env['PARLEY_SERVICES'] ?? '.parley-cluster');

/** Not for the node, which takes no setting that it does not know. */
const ofServices = ['PARLEY_SERVICES', 'PARLEY_CASSANDRA_JARS', 'PARLEY_NATS_SERVER', 'PARLEY_REDIS_SERVER'];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(what: string | undefined): Promise<void> {
  switch (what) {
    case 'nats': {
      const nats = await NatsServer.start({ port: ports.nats }, say);
      return until(`nats-server serves at ${nats.url}`, () => nats.stop());
    }
    case 'redis': {
      const redis = await RedisServer.start({ port: ports.redis }, say);
      return until(`redis-server serves at ${redis.url}`, () => redis.stop());
    }
    case 'cassandra': {
      await mkdir(folder, { recursive: true });
      const cassandra = await Cassandra.start({ folder, cqlPort: ports.cassandra }, say);
      return until(`Cassandra serves at ${cassandra.contactPoints.join(', ')}, with its data in ${folder}`, () => cassandra.stop());
    }
    case 'node':
      return node();
    default:
      say(`node scripts/setup.mjs run scripts/service.ts ${Object.keys(ports).join('|')}|node`);
      process.exitCode = 2;
  }
}

async function node(): Promise<void> {
  await Promise.all(Object.values(ports).map((port) => answers(port)));
  const cluster = {
    PARLEY_NATS: `nats://127.0.0.1:${ports.nats}`,
    PARLEY_CQL: `127.0.0.1:${ports.cassandra}`,
    PARLEY_CQL_REPLICAS: '1',
    PARLEY_REDIS: `redis://127.0.0.1:${ports.redis}`,
  };
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofServices.includes(name)));
  const child = spawn(process.execPath, ['src/main.ts'], { stdio: 'inherit', env: { ...cluster, PARLEY_NODE: 'n1', ...environment } });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
}

async function answers(port: number): Promise<void> {
  const startedMs = performance.now();
  for (;;) {
    const isUp = await new Promise<boolean>((settle) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => settle(true)).once('error', () => settle(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isUp) return;
    if (performance.now() - startedMs > waitMsMax) throw new Error(`Nothing answers on port ${port}.`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

function until(serves: string, stop: () => Promise<void>): void {
  say(serves);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop().then(() => process.exit(0)));
  setInterval(() => undefined, 60_000); // its process has no other reason to stay
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
