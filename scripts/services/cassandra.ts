// A real Cassandra for tests, the cluster on one machine and fault tests: one node or several, on loopback addresses, ports and folders of their own, stopped by their processes.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CassandraProgram, haveCassandra, NoCassandra } from './cassandra-program.ts';
import { javaArgumentsOf, logback, type NodeSettings, rackOf, yamlOf } from './cassandra-settings.ts';
import { leashed } from './leash.ts';
import { ServiceProcess } from './process.ts';

export { NoCassandra } from './cassandra-program.ts';

const limits = { startMsMax: 180_000, stopMsMax: 20_000 }; // three nodes on two busy cores
const connectEveryMs = 20;
const ready = 'Starting listening for CQL clients';
const firstRole = 'Created default superuser role';
/** One alone has room; several on one machine share it. */
const heaps = { one: { initialMiB: 512, maxMiB: 512, memtableMiB: 64 }, several: { initialMiB: 256, maxMiB: 384, memtableMiB: 32 } };

/** For one that does not live long enough to gain from the slow compiler: a start takes a third less of the processor without it (5.5 s instead of 8). */
export const quickly: readonly string[] = ['-XX:TieredStopAtLevel=1'];

export interface CassandraOptions {
  readonly nodes?: number;
  readonly commitLog?: NodeSettings['commitLog'];
  readonly authentication?: boolean;
  /** Of each node in turn; the last one's for the rest. */
  readonly dataCenters?: readonly string[];
  /** Where the data is kept, and stays after `stop`; left out: a temporary folder. */
  readonly folder?: string;
  /** Left out: any free one. */
  readonly cqlPort?: number;
  /** Further lines of cassandra.yaml. */
  readonly configuration?: string;
  /** Further flags of its Java. */
  readonly java?: readonly string[];
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

/** The role that there is at first where authentication is on. */
export const credentials = { username: 'cassandra', password: 'cassandra' } as const;

export class Cassandra {
  readonly nodes: readonly CassandraNode[];
  readonly port: number;
  readonly #folder: string;
  readonly #isTemporary: boolean;

  private constructor(nodes: readonly CassandraNode[], port: number, folder: string, isTemporary: boolean) {
    this.nodes = nodes;
    this.port = port;
    this.#folder = folder;
    this.#isTemporary = isTemporary;
  }

  /** Resolves when all nodes take connections. Throws NoCassandra. */
  static async start(options: CassandraOptions = {}, say: (text: string) => void = () => undefined): Promise<Cassandra> {
    const { nodes: count = 1, dataCenters = ['dc1'], commitLog = 'group', authentication = false, configuration = '', java = [], ownGroup = false } = options;
    const program = await haveCassandra(say);
    const addresses = Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`);
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'parley-cassandra-')));
    const storagePort = await storagePortOf(folder, addresses);
    const cqlPort = options.cqlPort ?? (await freePort(addresses));
    const nodes = addresses.map(
      (address, at) =>
        new CassandraNode(
          program,
          {
            folder: join(folder, `node-${at + 1}`),
            address,
            seeds: addresses,
            storagePort,
            cqlPort,
            token: -(2n ** 63n) + (2n ** 64n / BigInt(count)) * BigInt(at) + 1n, // the ring in equal parts
            dataCenter: dataCenters[Math.min(at, dataCenters.length - 1)] as string,
            commitLog,
            authentication,
            heap: count === 1 ? heaps.one : heaps.several,
            ringDelayMs: count === 1 ? 100 : 5_000,
            configuration,
            java,
          },
          ownGroup,
        ),
    );
    const cassandra = new Cassandra(nodes, cqlPort, folder, options.folder === undefined);
    try {
      await Promise.all(nodes.map((node) => node.restart()));
      if (authentication && options.folder === undefined) await Promise.race(nodes.map((node) => node.says(firstRole)));
    } catch (error) {
      await cassandra.stop();
      throw error;
    }
    return cassandra;
  }

  get contactPoints(): readonly string[] {
    return this.nodes.map(({ address }) => `${address}:${this.port}`);
  }

  /** Ends all nodes; hard where the data goes with them. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => (this.#isTemporary ? node.kill('SIGKILL') : node.end())));
    if (this.#isTemporary) await rm(this.#folder, { recursive: true, force: true });
  }
}

export class CassandraNode extends ServiceProcess {
  readonly address: string;
  readonly #program: CassandraProgram;
  readonly #settings: NodeSettings;

  constructor(program: CassandraProgram, settings: NodeSettings, ownGroup: boolean) {
    super({ name: `Cassandra on ${settings.address}`, ...limits, ownGroup, Failed: NoCassandra });
    this.#program = program;
    this.#settings = settings;
    this.address = settings.address;
  }

  /** Starts it, again on what it has on disk; resolves when it takes connections. */
  async restart(): Promise<void> {
    await this.#writeConfiguration();
    const [program, args] = leashed(this.#program.java, javaArgumentsOf(this.#settings, this.#program.jars));
    this.launch(program, args, { cwd: this.#settings.folder });
    await this.says(ready);
    while (this.isRunning && !(await takesConnections(this.address, this.#settings.cqlPort))) await delay(connectEveryMs); // it says so a moment before it does
  }

  async #writeConfiguration(): Promise<void> {
    const conf = join(this.#settings.folder, 'conf');
    await mkdir(conf, { recursive: true });
    await writeFile(join(conf, 'cassandra.yaml'), yamlOf(this.#settings));
    await writeFile(join(conf, 'logback.xml'), logback);
    await writeFile(join(conf, 'cassandra-rackdc.properties'), rackOf(this.#settings.dataCenter));
  }
}

/** Nodes know each other by it for as long as their data lives. */
async function storagePortOf(folder: string, addresses: readonly string[]): Promise<number> {
  const file = join(folder, 'storage-port');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return Number(kept);
  const port = await freePort(addresses);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${port}`);
  return port;
}

/** On all of these addresses, and below those that the system gives away to connections meanwhile: it is to be free again after a restart. */
async function freePort(addresses: readonly string[]): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const isFree = await Promise.all(addresses.map((address) => isFreeOn(address, port)));
    if (isFree.every(Boolean)) return port;
  }
}

async function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  const isTaken = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
  socket.destroy();
  return isTaken;
}

async function isFreeOn(address: string, port: number): Promise<boolean> {
  const server = createServer().listen(port, address);
  const isFree = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]).catch(() => false);
  server.close();
  return isFree;
}
