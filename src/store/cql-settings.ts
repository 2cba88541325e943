// The settings of the way to Cassandra or ScyllaDB, as they come from the environment: for config.ts. Every node of a cluster has the same.
import { z } from 'zod';

const point = /^(?:\[[0-9a-f:.]+\]|[^\s/@:,[\]]+)(?::\d{1,5})?$/i;

export const cqlSettings = {
  /** Some nodes of the store, host or host:port, separated by commas; the others are found through them. Empty: this process keeps everything itself. */
  PARLEY_CQL: z
    .string()
    .default('')
    .refine(
      (list) => list === '' || pointsIn(list).every((name) => point.test(name) && Number(/:(\d+)$/.exec(name)?.[1] ?? 1) <= 65_535),
      'must be host or host:port, several separated by commas, without a name or password in it',
    ),
  /** Where nodes of the store are reached, if not at the addresses that they have for each other: 10.0.0.1=203.0.113.7:9042, several separated by commas. */
  PARLEY_CQL_ADDRESSES: z
    .string()
    .default('')
    .refine((list) => list === '' || pointsIn(list).every((pair) => /^[^\s=]+=[^\s=/@]+:\d{1,5}$/.test(pair)), 'must be ADDRESS=HOST:PORT, several separated by commas'),
  /** The store's data centre, whose nodes alone are asked. Empty: the only one that there is. */
  PARLEY_CQL_DATA_CENTER: z.string().default(''),
  PARLEY_CQL_KEYSPACE: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,47}$/, 'must be a–z, 0–9 and _, at most 48, beginning with a letter')
    .default('parley'),
  PARLEY_CQL_USER: z.string().default(''),
  PARLEY_CQL_PASSWORD: z.string().default(''),
  PARLEY_CQL_TLS: z.enum(['on', 'off']).default('off'),
  /** PEM files: who may sign the nodes' certificates, and what this process shows of itself. */
  PARLEY_CQL_TLS_CA: z.string().default(''),
  PARLEY_CQL_TLS_CERT: z.string().default(''),
  PARLEY_CQL_TLS_KEY: z.string().default(''),
  /** The name that the nodes' certificates bear, where it is not each node's address. */
  PARLEY_CQL_TLS_NAME: z.string().default(''),
  /** With how many replicas the keyspace is made where there is none; 0: it is not made, the start says how to. */
  PARLEY_CQL_REPLICAS: z.coerce.number().int().min(0).max(9).default(0),
  /** `scylla` is written after its documentation and has not been run. */
  PARLEY_CQL_DIALECT: z.enum(['auto', 'cassandra', 'scylla']).default('auto'),
  /** ScyllaDB only, for making the keyspace: conditional statements on tablets want 2025.4 or later. */
  PARLEY_CQL_TABLETS: z.enum(['auto', 'yes', 'no']).default('auto'),
  /** After this long without an answer a node of the store counts as slow, and the next one is asked. */
  PARLEY_CQL_TIMEOUT_MS: z.coerce.number().int().min(200).max(60_000).default(3_000),
};
export type CqlSettings = z.infer<z.ZodObject<typeof cqlSettings>>;

/** `scylla` is written after its documentation and has not been run. */
export type Dialect = 'cassandra' | 'scylla';

export interface CqlOptions {
  readonly contactPoints: readonly string[];
  /** By the address that a node has for its fellows, host:port. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Undefined: the only one that there is. */
  readonly dataCenter: string | undefined;
  readonly keyspace: string;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** PEM files; undefined: in the clear. */
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string; readonly name?: string } | undefined;
  /** Makes the keyspace, with so many replicas, where there is none; undefined: says how to make it. */
  readonly replicas: number | undefined;
  /** Undefined: found out. */
  readonly dialect: Dialect | undefined;
  readonly tablets: boolean | undefined;
  readonly timeoutMs: number;
}

/** Undefined: no CQL store. Throws a RangeError that says which settings do not go together. */
export function cqlOptionsOf(settings: CqlSettings): CqlOptions | undefined {
  const { PARLEY_CQL: list, PARLEY_CQL_USER: username, PARLEY_CQL_PASSWORD: password, PARLEY_CQL_TABLETS: tablets, PARLEY_CQL_DIALECT: dialect } = settings;
  if (list === '') {
    const others = [username, password, settings.PARLEY_CQL_DATA_CENTER, settings.PARLEY_CQL_TLS_CA, settings.PARLEY_CQL_TLS_CERT, settings.PARLEY_CQL_TLS_KEY];
    if (settings.PARLEY_CQL_TLS === 'on' || others.some((value) => value !== '')) throw new RangeError('PARLEY_CQL_…: set PARLEY_CQL too, to where the store is.');
    return undefined;
  }
  if ((username === '') !== (password === '')) throw new RangeError('PARLEY_CQL_USER and PARLEY_CQL_PASSWORD: set both or none.');
  if (tablets !== 'auto' && dialect === 'cassandra') throw new RangeError('PARLEY_CQL_TABLETS: only ScyllaDB has them; leave it at auto, or set PARLEY_CQL_DIALECT to scylla.');
  return {
    contactPoints: pointsIn(list),
    addresses: new Map(settings.PARLEY_CQL_ADDRESSES === '' ? [] : pointsIn(settings.PARLEY_CQL_ADDRESSES).map((pair) => pair.split('=') as [string, string])),
    dataCenter: settings.PARLEY_CQL_DATA_CENTER || undefined,
    keyspace: settings.PARLEY_CQL_KEYSPACE,
    credentials: username === '' ? undefined : { username, password },
    tls: tlsOf(settings),
    replicas: settings.PARLEY_CQL_REPLICAS || undefined,
    dialect: dialect === 'auto' ? undefined : dialect,
    tablets: tablets === 'auto' ? undefined : tablets === 'yes',
    timeoutMs: settings.PARLEY_CQL_TIMEOUT_MS,
  };
}

function tlsOf(settings: CqlSettings): CqlOptions['tls'] {
  const { PARLEY_CQL_TLS_CA: caFile, PARLEY_CQL_TLS_CERT: certFile, PARLEY_CQL_TLS_KEY: keyFile, PARLEY_CQL_TLS_NAME: name } = settings;
  if (settings.PARLEY_CQL_TLS === 'off') {
    if ([caFile, certFile, keyFile, name].some((value) => value !== '')) throw new RangeError('PARLEY_CQL_TLS_…: set PARLEY_CQL_TLS to on too.');
    return undefined;
  }
  if ((certFile === '') !== (keyFile === '')) throw new RangeError('PARLEY_CQL_TLS_CERT and PARLEY_CQL_TLS_KEY: set both or none.');
  return { ...(caFile !== '' && { caFile }), ...(certFile !== '' && { certFile, keyFile }), ...(name !== '' && { name }) };
}

function pointsIn(list: string): readonly string[] {
  return list.split(',').map((name) => name.trim());
}
