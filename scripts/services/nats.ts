// A nats-server for tests, the cluster on one machine and whoever tries things out: found, or installed from Debian; started on a port of its own, stopped by its process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, haveProgram, type Wanted } from './debian.ts';
import { ServiceProcess } from './process.ts';

/** It does not start; the message holds what it said. */
export class NatsFailed extends Error {}

const wanted: Wanted = { program: 'nats-server', from: 'nats-server', variable: 'PARLEY_NATS_SERVER', elsewhere: 'https://nats.io/download' };
const limits = { startMsMax: 10_000, stopMsMax: 10_000 };

export interface NatsOptions {
  /** Left out: any free one, kept over restarts. */
  readonly port?: number;
  /** Further lines of its configuration: authorization, tls, limits. */
  readonly configuration?: string;
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

export class NatsServer extends ServiceProcess {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #binary: string;

  private constructor(binary: string, folder: string, port: number, ownGroup: boolean) {
    super({ name: 'nats-server', ...limits, ownGroup, Failed: NatsFailed });
    this.#binary = binary;
    this.#folder = folder;
    this.port = port;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Resolves when it takes connections. Throws NoProgram or NatsFailed. */
  static async start({ port, configuration = '', ownGroup = false }: NatsOptions = {}, say: (text: string) => void = () => undefined): Promise<NatsServer> {
    const server = new NatsServer(haveProgram(wanted, say), await mkdtemp(join(tmpdir(), 'parley-nats-')), port ?? (await freePort()), ownGroup);
    await writeFile(server.#configurationFile, `listen: "127.0.0.1:${server.port}"\n${configuration}\n`, { mode: 0o600 });
    try {
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts it again on the same port, once it has been ended. */
  async restart(): Promise<void> {
    this.launch(this.#binary, ['-c', this.#configurationFile]);
    await this.says('Server is ready');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #configurationFile(): string {
    return join(this.#folder, 'nats.conf');
  }
}
