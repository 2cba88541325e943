// A redis-server for tests, the cluster on one machine and whoever tries things out: on a port and a folder of its own, stopped by its process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, haveProgram, type Wanted } from './debian.ts';
import { ServiceProcess } from './process.ts';

/** It does not start; the message holds what it said. */
export class RedisFailed extends Error {}

const wanted: Wanted = { program: 'redis-server', from: 'redis-server', variable: 'PARLEY_REDIS_SERVER', elsewhere: 'https://redis.io/downloads' };
const limits = { startMsMax: 10_000, stopMsMax: 10_000 };

export interface RedisOptions {
  /** Left out: any free one, kept over restarts. */
  readonly port?: number;
  /** PEM files. With them it speaks TLS only; devices need no certificate unless `clients` says so. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string; readonly clients?: 'certified' | 'any' };
  /** Further lines of its configuration: users, memory. Nothing is written to disk unless these say so. */
  readonly configuration?: string;
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

export class RedisServer extends ServiceProcess {
  readonly port: number;
  /** Without name and password: PARLEY_REDIS. */
  readonly url: string;
  readonly #folder: string;
  readonly #binary: string;

  private constructor(binary: string, folder: string, port: number, scheme: 'redis' | 'rediss', ownGroup: boolean) {
    super({ name: 'redis-server', ...limits, ownGroup, Failed: RedisFailed });
    this.#binary = binary;
    this.#folder = folder;
    this.port = port;
    this.url = `${scheme}://127.0.0.1:${port}`;
  }

  /** Resolves when it takes connections. Throws NoProgram or RedisFailed. */
  static async start({ port, tls, configuration = '', ownGroup = false }: RedisOptions = {}, say: (text: string) => void = () => undefined): Promise<RedisServer> {
    const binary = haveProgram(wanted, say);
    const server = new RedisServer(binary, await mkdtemp(join(tmpdir(), 'parley-redis-')), port ?? (await freePort()), tls ? 'rediss' : 'redis', ownGroup);
    const listening = tls
      ? `port 0\ntls-port ${server.port}\ntls-cert-file ${tls.cert}\ntls-key-file ${tls.key}\ntls-ca-cert-file ${tls.ca}\ntls-auth-clients ${tls.clients === 'certified' ? 'yes' : 'no'}`
      : `port ${server.port}`;
    const lines = ['bind 127.0.0.1', listening, `dir ${server.#folder}`, 'save ""', 'appendonly no', 'daemonize no', configuration];
    await writeFile(server.#configurationFile, `${lines.join('\n')}\n`, { mode: 0o600 });
    try {
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts it again on the same port, once it has been ended: empty. */
  async restart(): Promise<void> {
    this.launch(this.#binary, [this.#configurationFile]);
    await this.says('Ready to accept connections');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #configurationFile(): string {
    return join(this.#folder, 'redis.conf');
  }
}
