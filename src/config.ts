// Every setting, once: its variable, its default, its limit. A wrong one stops the start with a text that says what to set.
import { z } from 'zod';
import { linkOptionsOf, linkSettings } from './cluster/link-settings.ts';
import { featureLevel } from './cluster/membership.ts';
import { cqlOptionsOf, cqlSettings } from './store/cql-settings.ts';
import { redisOptionsOf, redisSettings } from './store/redis-settings.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const socketUrl = z
  .string()
  .max(512)
  .default('')
  .refine((url) => url === '' || /^wss?:\/\//.test(url), 'must begin with ws:// or wss://');
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const settings = z.object({
  /** Where everything lasting is kept; one process at a time. */
  PARLEY_DATA: z.string().min(1).default('.parley'),
  /** The address that sockets and API listen on; 0.0.0.0 or :: for all. */
  PARLEY_HOST: z.string().min(1).default('127.0.0.1'),
  /** WebSockets. 0: any free one. */
  PARLEY_PORT: port.default(8080),
  /** The HTTP API: accounts, devices, look-ups. */
  PARLEY_API_PORT: port.default(8081),
  /** Health, readiness and metrics; for operators only. */
  PARLEY_OPS_PORT: port.default(8082),
  PARLEY_OPS_HOST: z.string().min(1).default('127.0.0.1'),
  /** The address by which devices reach the sockets, where it is another one than the server knows (a proxy in front). */
  PARLEY_SOCKET_URL: socketUrl,
  /** PEM files; both or none. With them sockets and API speak TLS. */
  PARLEY_TLS_CERT: z.string().default(''),
  PARLEY_TLS_KEY: z.string().default(''),
  /** Origins that browsers may come from: `*`, or scheme://host[:port], separated by commas. */
  PARLEY_ORIGINS: z.string().default('*'),
  /** `auto` takes uWebSockets.js where it loads, else ws. */
  PARLEY_TRANSPORT: z.enum(['auto', 'uws', 'ws']).default('auto'),
  /** Whether a proxy of yours stands in front of the API, whose X-Forwarded-For is to be believed. */
  PARLEY_BEHIND_PROXY: z.enum(['yes', 'no']).default('no'),
  /** Multiplies every rate limit: above 1 where many users share an address, or for load tests. */
  PARLEY_RATE_FACTOR: z.coerce.number().min(0.01).max(1_000_000).default(1),
  PARLEY_REGISTRATION: z.enum(['open', 'closed']).default('open'),
  /** Sockets open at one time. */
  PARLEY_CONNECTIONS_MAX: whole(1, 1_000_000).default(100_000),
  /** What may wait to be written to one socket before its device is marked as lagging. */
  PARLEY_WINDOW_BYTES: whole(16_384, 16_777_216).default(262_144),
  /** Devices are to say something at least this often. */
  PARLEY_HEARTBEAT_MS: whole(5_000, 600_000).default(30_000),
  PARLEY_HELLO_TIMEOUT_MS: whole(500, 60_000).default(10_000),
  ...linkSettings,
  /** This node's id among the others: set with PARLEY_NATS, another one for each node. */
  PARLEY_NODE: z.string().max(64).default(''),
  /** Where devices reach the sockets of this very node, if that is another address than the node knows; other nodes send theirs there when they drain. */
  PARLEY_NODE_URL: socketUrl,
  /** When a node drains, or is cut off, its devices are told to connect elsewhere within this time, each at a moment of its own. */
  PARLEY_MOVE_SPREAD_MS: whole(0, 600_000).default(2_000),
  /** Lower than what this build reads: it writes and reads no newer kinds of entries, as the build before would. */
  PARLEY_FEATURE_LEVEL: whole(0, featureLevel).default(featureLevel),
  ...cqlSettings,
  ...redisSettings,
  PARLEY_LOG: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});
export type Settings = z.infer<typeof settings>;

/** A setting is wrong; the message says which and what it must be. */
export class BadSetting extends Error {}

/** Unknown PARLEY_ variables are refused: a misspelt setting must not be silently without effect. */
export function readSettings(variables: Readonly<Record<string, string | undefined>>, alsoKnown: readonly string[] = []): Settings {
  const unknown = Object.keys(variables).filter((name) => name.startsWith('PARLEY_') && !(name in settings.shape) && !alsoKnown.includes(name));
  if (unknown.length > 0) throw new BadSetting(`Unknown setting ${unknown.join(', ')}. Known ones: ${Object.keys(settings.shape).join(', ')}.`);
  const parsed = settings.safeParse(variables);
  if (!parsed.success) throw new BadSetting(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  if ((parsed.data.PARLEY_TLS_CERT === '') !== (parsed.data.PARLEY_TLS_KEY === '')) throw new BadSetting('PARLEY_TLS_CERT and PARLEY_TLS_KEY: set both or none.');
  const { PARLEY_NATS: nats, PARLEY_NODE: node, PARLEY_CQL: cql } = parsed.data;
  if (new Set([nats === '', node === '', cql === '']).size > 1)
    throw new BadSetting('PARLEY_NATS, PARLEY_CQL and PARLEY_NODE: set all three for a node that is one of many (each with an id of its own), or none for one that is alone.');
  try {
    redisOptionsOf(parsed.data);
    linkOptionsOf(parsed.data);
    cqlOptionsOf(parsed.data);
  } catch (error) {
    throw new BadSetting((error as Error).message);
  }
  return parsed.data;
}
