// Which version of the schema the keyspace has, how older ones become this one, and what is checked before a node may use it.
import { createHash, randomBytes } from 'node:crypto';
import type { Dialect } from './cql-settings.ts';
import { StoreRefused } from './faults.ts';
import { heardByAll } from './heard.cql.ts';
import type { Report } from './home.level.ts';
import { newIncarnation } from './schema.level.ts';
import type { CqlSession } from './session.cql.ts';
import { tables } from './tables.cql.ts';

/** From one version to the next. May be cut short and begun again, and nodes of the version before may be at work meanwhile: add, never rename. */
export interface CqlMigration {
  /** For the operator, who sees it while it runs. */
  readonly says: string;
  run(session: CqlSession): Promise<void>;
}

/** The first one leads from version 1 to version 2, and so on. Append only. */
export const cqlMigrations: readonly CqlMigration[] = [];

export interface SchemaOptions {
  /** Makes the keyspace, with so many replicas, where there is none; undefined: says how to make it. */
  readonly replicas?: number | undefined;
  /** Left out: found out. */
  readonly dialect?: Dialect | undefined;
  /** ScyllaDB before 2025.4 has no conditional statements on tablets: false makes the keyspace without them. */
  readonly tablets?: boolean | undefined;
  readonly onReport: (report: Report) => void;
  /** For tests of the chain itself. */
  readonly migrations?: readonly CqlMigration[];
  /** How long nodes of the store may take to hear of what was made, for tests. */
  readonly hearMsMax?: number;
}

export interface Schema {
  readonly incarnation: string;
  readonly dialect: Dialect;
}

/** A node that dies while it migrates holds the others up for this long. */
const lockSeconds = 120;
const lockPollMs = 250;
const lockMsMax = 10 * 60_000;

/** Makes an empty keyspace ours, brings an older one to our version. Throws StoreRefused, with what to do, for one that can't be used. */
export async function openSchema(session: CqlSession, options: SchemaOptions): Promise<Schema> {
  const dialect = options.dialect ?? (await dialectOf(session));
  await haveKeyspace(session, dialect, options);
  const { migrations: chain = cqlMigrations, onReport } = options;
  await haveTable(session, 'about', `(name text PRIMARY KEY, value text)${withId(session.keyspace, 'about', dialect)}`);
  await migrate(session, chain, dialect, onReport);
  await warn(session, dialect, onReport);
  return { incarnation: await incarnationOf(session), dialect };
}

async function dialectOf(session: CqlSession): Promise<Dialect> {
  const row = await session.one("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system' AND table_name = 'versions'", []);
  return row === undefined ? 'cassandra' : 'scylla';
}

async function haveKeyspace(session: CqlSession, dialect: Dialect, options: SchemaOptions): Promise<void> {
  const { replicas: wanted, tablets, onReport } = options;
  const { keyspace, dataCenter: localDataCenter } = session;
  const look = { what: `the keyspace ${keyspace}`, query: 'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?', params: [keyspace] };
  if ((await session.one(look.query, look.params)) === undefined) {
    const create = (factor: number | string): string =>
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${localDataCenter}': ${factor}}${
        dialect === 'scylla' && tablets !== undefined ? ` AND tablets = {'enabled': ${tablets}}` : ''
      }`;
    if (wanted === undefined)
      throw new StoreRefused(`There is no keyspace ${keyspace}. Make it, as a rule with three replicas: ${create(3)}; or set PARLEY_CQL_REPLICAS, and it is made.`);
    await session.change(create(wanted));
    onReport({ level: 'info', says: `Made the keyspace ${keyspace} with ${wanted} replica${wanted === 1 ? '' : 's'} in ${localDataCenter}.` });
  }
  const { replication } = await heardByAll(session, look, options.hearMsMax);
  const centres = new Set(session.client.hosts.values().map(({ datacenter }) => datacenter));
  const { replicas } = checkReplication(replication, { keyspace, localDataCenter, centres: [...centres] });
  if (replicas < 3)
    onReport({
      level: 'warn',
      says: `The keyspace ${keyspace} has ${replicas} replica${replicas === 1 ? '' : 's'}: the loss of one node stops writes or loses data. Three bear it.`,
    });
}

export interface Centres {
  readonly keyspace: string;
  readonly localDataCenter: string;
  /** All that the store has. */
  readonly centres: readonly string[];
}

/** Conditional statements are decided within one data centre: two of them would have two winners. */
export function checkReplication(replication: Readonly<Record<string, string>>, { keyspace, localDataCenter, centres }: Centres): { readonly replicas: number } {
  const { class: strategy = '', replication_factor: factor, ...others } = replication;
  const alter = `ALTER KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${localDataCenter}': 3}`;
  if (strategy.endsWith('NetworkTopologyStrategy')) {
    const used = Object.keys(others).filter((centre) => Number(others[centre]) !== 0);
    if (used.length > 1)
      throw new StoreRefused(
        `The keyspace ${keyspace} is replicated to several data centres (${used.join(', ')}), each of which would decide who may write to a chat. Use one of its own a data centre: ${alter};`,
      );
    if (used[0] !== localDataCenter)
      throw new StoreRefused(`The keyspace ${keyspace} is replicated in ${used[0] ?? 'no data centre'}, this node's data centre is ${localDataCenter}. Set the one that has it.`);
    return { replicas: Number(others[localDataCenter]) };
  }
  if (!strategy.endsWith('SimpleStrategy'))
    throw new StoreRefused(`The keyspace ${keyspace} has the replication strategy ${strategy}. Parley needs NetworkTopologyStrategy: ${alter};`);
  if (centres.length > 1)
    throw new StoreRefused(`The keyspace ${keyspace} is replicated without regard to data centres, and the store has several (${centres.join(', ')}). Keep it to one: ${alter};`);
  return { replicas: Number(factor) };
}

async function haveTable(session: CqlSession, name: string, columns: string): Promise<void> {
  const { keyspace } = session;
  await session.change(`CREATE TABLE IF NOT EXISTS ${keyspace}.${name} ${columns}`);
  const query = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?';
  await heardByAll(session, { what: `the table ${keyspace}.${name}`, query, params: [keyspace, name] });
}

/** A table's id that every node draws alike: two that make it at once then make one. ScyllaDB sees to that itself. */
function withId(keyspace: string, table: string, dialect: Dialect): string {
  if (dialect === 'scylla') return '';
  const hash = createHash('md5').update(`parley ${keyspace}.${table}`).digest('hex');
  return ` WITH ID = ${hash.slice(0, 8)}-${hash.slice(8, 12)}-3${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20)}`;
}

async function migrate(session: CqlSession, chain: readonly CqlMigration[], dialect: Dialect, onReport: (report: Report) => void): Promise<void> {
  const newest = 1 + chain.length;
  const me = randomBytes(12).toString('hex');
  const untilMs = Date.now() + lockMsMax;
  for (;;) {
    const version = Number((await storedValue(session, 'version')) ?? 0);
    if (version > newest) {
      throw new StoreRefused(
        `The keyspace ${session.keyspace} was written by a newer Parley (schema ${version}; this one knows up to ${newest}). Start the newer one, or restore a backup from before the upgrade.`,
      );
    }
    if (version === newest) return;
    if (await lock(session, me)) break;
    if (Date.now() > untilMs)
      throw new StoreRefused(`Somebody else has been migrating the keyspace ${session.keyspace} for ${lockMsMax / 60_000} minutes. Look what it is about, then start again.`);
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
  try {
    await climb(session, { chain, dialect, onReport, me });
  } finally {
    await session.decide([{ query: `DELETE FROM ${session.keyspace}.about WHERE name = 'lock' IF value = ?`, params: [me] }]);
  }
}

interface Climb {
  readonly chain: readonly CqlMigration[];
  readonly dialect: Dialect;
  readonly onReport: (report: Report) => void;
  readonly me: string;
}

/** Under the lock. */
async function climb(session: CqlSession, { chain, dialect, onReport, me }: Climb): Promise<void> {
  const newest = 1 + chain.length;
  let version = Number((await storedValue(session, 'version', true)) ?? 0);
  if (version === 0) {
    await create(session, dialect);
    version = 1;
  }
  for (; version < newest; version += 1) {
    const step = chain[version - 1] as CqlMigration;
    onReport({ level: 'info', says: `Migrating the keyspace ${session.keyspace} from schema ${version} to ${version + 1}: ${step.says}` });
    await lock(session, me);
    await step.run(session);
    await setValue(session, 'version', `${version + 1}`);
  }
}

/** Takes it, or holds on to it. */
async function lock(session: CqlSession, me: string): Promise<boolean> {
  const about = `${session.keyspace}.about`;
  if (await session.decide([{ query: `INSERT INTO ${about} (name, value) VALUES ('lock', ?) IF NOT EXISTS USING TTL ${lockSeconds}`, params: [me] }])) return true;
  return session.decide([{ query: `UPDATE ${about} USING TTL ${lockSeconds} SET value = ? WHERE name = 'lock' IF value = ?`, params: [me, me] }]);
}

async function create(session: CqlSession, dialect: Dialect): Promise<void> {
  const { keyspace } = session;
  const found = await session.read('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [keyspace]);
  const foreign = found.map((row) => String(row['table_name'])).filter((name) => name !== 'about' && !(name in tables));
  if (foreign.length > 0) throw new StoreRefused(`The keyspace ${keyspace} holds tables that are not Parley's (${foreign.join(', ')}). Choose another keyspace.`);
  for (const [name, columns] of Object.entries(tables)) {
    const id = withId(keyspace, name, dialect);
    await haveTable(session, name, `${columns}${columns.includes(' WITH ') ? id.replace(' WITH ', ' AND ') : id}`);
  }
  const random = (): number => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  await setValue(session, 'incarnation', newIncarnation(random).toString(), true);
  await setValue(session, 'version', '1', true);
}

async function incarnationOf(session: CqlSession): Promise<string> {
  const incarnation = await storedValue(session, 'incarnation');
  if (incarnation === undefined) throw new StoreRefused(`The keyspace ${session.keyspace} has no incarnation: it is damaged. Restore a backup.`);
  return incarnation;
}

async function storedValue(session: CqlSession, name: string, serial = false): Promise<string | undefined> {
  const row = await session.one(`SELECT value FROM ${session.keyspace}.about WHERE name = ?`, [name], { serial });
  return row?.['value'];
}

/** Always by condition, as everything in that table: plain writes have other timestamps. */
async function setValue(session: CqlSession, name: string, value: string, first = false): Promise<void> {
  const about = `${session.keyspace}.about`;
  if (first) await session.decide([{ query: `INSERT INTO ${about} (name, value) VALUES (?, ?) IF NOT EXISTS`, params: [name, value] }]);
  else await session.decide([{ query: `UPDATE ${about} SET value = ? WHERE name = ? IF EXISTS`, params: [value, name] }]);
}

/** What a node does with its commit log is its own matter, so each is asked. */
async function warn(session: CqlSession, dialect: Dialect, onReport: (report: Report) => void): Promise<void> {
  const table = dialect === 'scylla' ? 'system.config' : 'system_views.settings';
  const periodic: string[] = [];
  for (const host of session.client.hosts.values()) {
    const row = await session.client.execute(`SELECT value FROM ${table} WHERE name = 'commitlog_sync'`, [], { host }).catch(() => undefined); // down, or not allowed: nothing is known of it
    if (/periodic/i.test(String(row?.rows[0]?.['value']))) periodic.push(host.address);
  }
  if (periodic.length === 0) return;
  onReport({
    level: 'warn',
    says: `These nodes of the store acknowledge writes before they are on disk (commitlog_sync: periodic): ${periodic.join(', ')}. If a majority of replicas loses power at once, acknowledged messages are lost. Safe: commitlog_sync: group (ScyllaDB: batch).`,
  });
}
