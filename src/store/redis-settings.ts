// The settings of the way to Redis, as they come from the environment: for config.ts. Without Redis a node keeps presence and rate limits in its own memory.
import { z } from 'zod';

export const redisSettings = {
  /** Where presence, last seen and rate limits are kept for all nodes: redis://host:port[/database], rediss:// for TLS. Empty: in this node's memory. */
  PARLEY_REDIS: z
    .string()
    .default('')
    .refine(
      (url) => url === '' || /^rediss?:\/\/(?:\[[0-9a-f:.]+\]|[^\s/@:[\]]+)(?::\d{1,5})?(?:\/\d{0,4})?$/i.test(url),
      'must be redis://host:port or rediss://host:port, without a name or password in it',
    ),
  PARLEY_REDIS_USER: z.string().default(''),
  PARLEY_REDIS_PASSWORD: z.string().default(''),
  /** PEM files: who may sign the server's certificate, and what this node shows of itself. For rediss:// only. */
  PARLEY_REDIS_TLS_CA: z.string().default(''),
  PARLEY_REDIS_TLS_CERT: z.string().default(''),
  PARLEY_REDIS_TLS_KEY: z.string().default(''),
  /** What every key begins with: nodes with another one are another cluster. */
  PARLEY_REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('parley'),
};
export type RedisSettings = z.infer<z.ZodObject<typeof redisSettings>>;

export interface RedisOptions {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly user: string;
  readonly password: string;
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined;
  readonly prefix: string;
}

/** Undefined: no Redis. Throws a RangeError that says which settings do not go together. */
export function redisOptionsOf(settings: RedisSettings): RedisOptions | undefined {
  const { PARLEY_REDIS: url, PARLEY_REDIS_USER: user, PARLEY_REDIS_PASSWORD: password, PARLEY_REDIS_PREFIX: prefix } = settings;
  const { PARLEY_REDIS_TLS_CA: caFile, PARLEY_REDIS_TLS_CERT: certFile, PARLEY_REDIS_TLS_KEY: keyFile } = settings;
  const others = [user, password, caFile, certFile, keyFile];
  if (url === '') {
    if (others.some((value) => value !== '')) throw new RangeError('PARLEY_REDIS_…: set PARLEY_REDIS too, to where it is.');
    return undefined;
  }
  if (user !== '' && password === '') throw new RangeError('PARLEY_REDIS_USER: set PARLEY_REDIS_PASSWORD too.');
  if ((certFile === '') !== (keyFile === '')) throw new RangeError('PARLEY_REDIS_TLS_CERT and PARLEY_REDIS_TLS_KEY: set both or none.');
  const [, scheme, host = '', port = '6379', database = ''] = /^(rediss?):\/\/(\[[^\]]+\]|[^/:]+)(?::(\d+))?(?:\/(\d*))?$/i.exec(url) ?? [];
  const wantsTls = scheme?.toLowerCase() === 'rediss';
  if (!wantsTls && (caFile !== '' || certFile !== '')) throw new RangeError('PARLEY_REDIS_TLS_…: PARLEY_REDIS must then begin with rediss://.');
  const files = { ...(caFile !== '' && { caFile }), ...(certFile !== '' && { certFile, keyFile }) };
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), database: Number(database), user, password, tls: wantsTls ? files : undefined, prefix };
}
