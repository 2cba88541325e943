// A Cassandra for one test file, and stores on it: in a keyspace that tests share and leave empty, or in one of their own.
import { setTimeout as delay } from 'node:timers/promises';
import { auth, Client } from 'cassandra-driver';
import { z } from 'zod';
import { Cassandra, type CassandraOptions, credentials, quickly } from '../../scripts/services/cassandra.ts';
import { ended, remember } from '../../src/store/client.cql.ts';
import { type CqlOptions, cqlOptionsOf, cqlSettings } from '../../src/store/cql-settings.ts';
import { memoryPresence } from '../../src/store/presence.memory.ts';
import { type CqlStores, type CqlStoresOptions, openCqlStores, type Report } from '../../src/store/stores.cql.ts';
import { tables } from '../../src/store/tables.cql.ts';
import type { Opened } from './samples.ts';

const answerMsMax = 60_000;

export interface After {
  after(job: () => Promise<void>): void;
}

export async function cassandraFor(t: After, options: CassandraOptions = {}): Promise<Cassandra> {
  const cassandra = await Cassandra.start({ authentication: true, java: quickly, ...options }, (text) => process.stderr.write(`${text}\n`));
  t.after(() => cassandra.stop());
  await Promise.all(cassandra.contactPoints.map((point, at) => untilRing(point, options.dataCenters?.[at] ?? 'dc1', cassandra.nodes.length)));
  return cassandra;
}

/** Nodes take connections a few seconds before all of them know the ring: until then one says that it is alone. */
async function untilRing(contactPoint: string, localDataCenter: string, nodes: number): Promise<void> {
  for (let found = nodes === 1 ? 1 : 0; found < nodes; ) {
    const client = new Client({ contactPoints: [contactPoint], localDataCenter, authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) });
    await client.connect();
    remember(client);
    found = client.hosts.values().filter(({ datacenter }) => typeof datacenter === 'string' && datacenter !== '').length; // a node may be heard of before it is known where it stands
    await ended(client);
    if (found < nodes) await delay(200);
  }
}

/** As the settings would have it, with `more` of them. */
export function optionsFor({ contactPoints }: Pick<Cassandra, 'contactPoints'>, more: Readonly<Record<string, string>> = {}): CqlOptions {
  const settings = {
    PARLEY_CQL: contactPoints.join(','),
    PARLEY_CQL_USER: credentials.username,
    PARLEY_CQL_PASSWORD: credentials.password,
    PARLEY_CQL_REPLICAS: '1',
    ...more,
  };
  return cqlOptionsOf(z.object(cqlSettings).parse(settings)) as CqlOptions;
}

export function openCql(
  server: Pick<Cassandra, 'contactPoints'>,
  settings: Readonly<Record<string, string>> = {},
  { reports = [], ...more }: Partial<CqlStoresOptions> & { readonly reports?: Report[] } = {},
): Promise<CqlStores> {
  return openCqlStores({ ...optionsFor(server, settings), node: 'node-1', onReport: (report) => void reports.push(report), ...more });
}

/** One way to the store beside those that are tested. */
export async function clientOf(t: After, server: Pick<Cassandra, 'contactPoints'>): Promise<Client> {
  const untilMs = performance.now() + answerMsMax;
  for (;;) {
    const client = newClient(server);
    try {
      await client.connect();
      remember(client);
      await client.execute('SELECT release_version FROM system.local');
      t.after(() => ended(client));
      return client;
    } catch (error) {
      // Connected to a node that did not know all of its neighbours yet, the driver does not find the others later by itself.
      await ended(client).catch(() => undefined);
      if (performance.now() > untilMs) throw error;
      await delay(500);
    }
  }
}

function newClient({ contactPoints }: Pick<Cassandra, 'contactPoints'>): Client {
  return new Client({
    contactPoints: [...contactPoints],
    localDataCenter: 'dc1',
    authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password),
    socketOptions: { readTimeout: 30_000 },
    pooling: { heartBeatInterval: 0 }, // of a connection that a killed node has ended the driver leaves one behind, which would keep the process for half a minute
  });
}

/** Stores in a keyspace that all have in turn: making one takes seconds. */
export async function openedCql(server: Pick<Cassandra, 'contactPoints'>, client: Client, keyspace = 'parley'): Promise<Opened> {
  const open = () => openCql(server, { PARLEY_CQL_KEYSPACE: keyspace });
  let last = await open();
  return {
    stores: { ...last, presence: memoryPresence() },
    async reopen() {
      await last.close();
      last = await open();
      return { ...last, presence: memoryPresence() };
    },
    async end() {
      await last.close();
      await empty(client, keyspace);
    },
  };
}

/** What is empty is left alone: to truncate takes tens of milliseconds. */
async function empty(client: Client, keyspace: string): Promise<void> {
  await Promise.all(
    Object.keys(tables).map(async (table) => {
      const { rowLength } = await client.execute(`SELECT * FROM ${keyspace}.${table} LIMIT 1`);
      if (rowLength > 0) await client.execute(`TRUNCATE ${keyspace}.${table}`);
    }),
  );
}
