// How the driver is set up: where it connects, what it never does by itself, and which nodes it holds for slow.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import * as driver from 'cassandra-driver';
import { auth, Client, ExecutionProfile, errors, policies, type tracker, types } from 'cassandra-driver';
import { translatedBy } from './addresses.cql.ts';
import type { CqlOptions } from './cql-settings.ts';
import { isAboutCredentials, reasonOf, tlsFaultOf } from './errors.cql.ts';
import { StoreRefused, StoreUnavailable } from './faults.ts';
import { type Place, ReplicasFirst, Suspects } from './replicas.cql.ts';
import { keepUp, type Upkeep } from './upkeep.cql.ts';

export type ClientOptions = CqlOptions;

const { localQuorum, localSerial } = types.consistencies;
const connectTimeoutMs = 5_000;
const redialMs = { least: 250, most: 2_000 };
/** Of conditional statements and serial reads. */
export const fenceProfile = 'fence';

/** Rejects with what to do where nobody answers, or says no. */
export async function connectedClient(options: ClientOptions): Promise<{ readonly client: Client; readonly dataCenter: string }> {
  const place: Place = { keyspace: options.keyspace, dataCenter: options.dataCenter };
  const client = new Client(driverOptions(options, place));
  try {
    await client.connect();
    remember(client);
    keepUp((client as unknown as { readonly controlConnection: Upkeep }).controlConnection);
    const found = [...new Set(client.hosts.values().map(({ datacenter }) => datacenter))].sort();
    const dataCenter = options.dataCenter ?? (found.length === 1 ? found[0] : undefined);
    if (dataCenter !== undefined && found.includes(dataCenter)) {
      place.dataCenter = dataCenter;
      return { client, dataCenter };
    }
    const where = options.contactPoints.join(', ');
    throw new StoreRefused(
      dataCenter === undefined
        ? `The store at ${where} has several data centres (${found.join(', ')}): set PARLEY_CQL_DATA_CENTER to this node's.`
        : `The store at ${where} has no data centre "${dataCenter}", only ${found.join(', ')}: look at PARLEY_CQL_DATA_CENTER.`,
    );
  } catch (error) {
    await ended(client).catch(() => undefined);
    throw error instanceof StoreRefused ? error : whyNotConnected(error, options);
  }
}

/** What the driver does not tell of its nodes. */
interface Ending {
  shutdown(waitForPending: boolean): Promise<void>;
}

/** Nodes that the driver (4.10) has known of and forgotten go on dialling when it is shut down, and keep a process from ending. */
const known = new WeakMap<Client, Set<Ending>>();

/** To be called as soon as it is connected; `ended` then leaves nothing of it. */
export function remember(client: Client): void {
  const hosts = new Set<Ending>();
  known.set(client, hosts);
  const add = (host: unknown): void => void hosts.add(host as Ending);
  client.on('hostAdd', add);
  for (const host of client.hosts.values()) add(host);
}

export async function ended(client: Client): Promise<void> {
  await client.shutdown();
  await Promise.all([...(known.get(client) ?? [])].map((host) => host.shutdown(false)));
}

function driverOptions(options: ClientOptions, place: Place): ConstructorParameters<typeof Client>[0] {
  const { contactPoints, credentials, tls, addresses, timeoutMs } = options;
  const suspects = new Suspects();
  return {
    contactPoints: [...contactPoints],
    // The driver takes it that all nodes listen on one port, and asks none of them which.
    protocolOptions: { port: Number(/:(\d+)$/.exec(contactPoints[0] ?? '')?.[1] ?? 9042) },
    // Not told of the data centre, whose absence it would take for an outage, leaving connections behind: our policies know it.
    ...(credentials && { authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) }),
    ...(tls && { sslOptions: tlsOptionsOf(tls) }),
    policies: {
      loadBalancing: new ReplicasFirst({ place, suspects, order: 'turns' }),
      // A node that is down is dialled again at least this often: those who wait for it cannot tell when it is back.
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(redialMs.least, redialMs.most),
      // An append that is sent twice at once competes with itself.
      speculativeExecution: new policies.speculativeExecution.NoSpeculativeExecutionPolicy(),
      // Conditional statements are ordered by the store's own ballots, and everything else that races says its timestamp itself.
      timestampGeneration: null as unknown as policies.timestampGeneration.TimestampGenerator, // none
      ...(addresses.size > 0 && { addressResolution: translatedBy(addresses) }),
    },
    profiles: [
      new ExecutionProfile(fenceProfile, { loadBalancing: new ReplicasFirst({ place, suspects, order: 'token' }), consistency: localQuorum, serialConsistency: localSerial }),
    ],
    queryOptions: { consistency: localQuorum, serialConsistency: localSerial },
    socketOptions: { readTimeout: timeoutMs, connectTimeout: connectTimeoutMs, tcpNoDelay: true },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 }, heartBeatInterval: 5_000 },
    requestTracker: new SlowNodes(suspects),
    monitorReporting: { enabled: false },
  };
}

function tlsOptionsOf({ caFile, certFile, keyFile, name }: NonNullable<CqlOptions['tls']>): ConnectionOptions {
  return {
    rejectUnauthorized: true,
    ...(caFile !== undefined && { ca: contentOf('PARLEY_CQL_TLS_CA', caFile) }),
    ...(certFile !== undefined && { cert: contentOf('PARLEY_CQL_TLS_CERT', certFile) }),
    ...(keyFile !== undefined && { key: contentOf('PARLEY_CQL_TLS_KEY', keyFile) }),
    ...(name !== undefined && { servername: name }),
  };
}

function contentOf(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StoreRefused(`${setting}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

/** The driver wants a descendant of its class, which its types call an interface. */
const { RequestTracker } = (driver as unknown as { readonly tracker: { readonly RequestTracker: new () => object } }).tracker;

class SlowNodes extends RequestTracker implements tracker.RequestTracker {
  readonly #suspects: Suspects;

  constructor(suspects: Suspects) {
    super();
    this.#suspects = suspects;
  }

  onError(host: { readonly address: string }, _query: unknown, _parameters: unknown, _options: unknown, _length: number, error: Error): void {
    if (error instanceof errors.OperationTimedOutError) this.#suspects.add(host.address);
  }

  onSuccess(host: { readonly address: string }): void {
    this.#suspects.clear(host.address);
  }

  shutdown(): void {}
}

function whyNotConnected(error: unknown, { contactPoints, credentials, tls }: CqlOptions): Error {
  const cause = { cause: error };
  const where = `The store at ${contactPoints.join(', ')}`;
  if (isAboutCredentials(error)) {
    const why =
      credentials === undefined
        ? 'it wants a name and password: set PARLEY_CQL_USER and PARLEY_CQL_PASSWORD'
        : `it refuses the name "${credentials.username}" or the password: look at PARLEY_CQL_USER and PARLEY_CQL_PASSWORD`;
    return new StoreRefused(`${where} answers, but ${why}.`, cause);
  }
  const fault = tls && tlsFaultOf(error);
  if (fault !== undefined) return new StoreRefused(`${where}: ${fault}.`, cause);
  return new StoreUnavailable(
    `${where} cannot be reached (${reasonOf(error)}). Is it running, and is PARLEY_CQL where it listens for CQL? ${tls ? '' : 'If it wants TLS, set PARLEY_CQL_TLS to on.'}`.trim(),
    cause,
  );
}
