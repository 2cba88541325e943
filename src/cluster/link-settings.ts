// The settings of the way to NATS, as they come from the environment: for config.ts, where a node is part of a cluster.
import { z } from 'zod';

export const linkSettings = {
  /** One or several nats-servers of one cluster, separated by commas. Set: this node is one of many. Empty: it is alone. */
  PARLEY_NATS: z
    .string()
    .default('')
    .refine(
      (urls) => urls === '' || urls.split(',').every((url) => /^(?:nats|tls):\/\/[^\s/@]+$/.test(url.trim())),
      'must be nats://host:port or tls://host:port, without a name or password in it',
    ),
  PARLEY_NATS_USER: z.string().default(''),
  PARLEY_NATS_PASSWORD: z.string().default(''),
  PARLEY_NATS_TOKEN: z.string().default(''),
  /** A file with the seed of an nkey. */
  PARLEY_NATS_NKEY: z.string().default(''),
  /** A .creds file: a user's JWT with its seed. */
  PARLEY_NATS_CREDS: z.string().default(''),
  /** `yes`: only with TLS. A certificate or CA means it too. */
  PARLEY_NATS_TLS: z.enum(['yes', 'no']).default('no'),
  /** PEM files: who may sign the server's certificate, and what this node shows of itself. */
  PARLEY_NATS_TLS_CA: z.string().default(''),
  PARLEY_NATS_TLS_CERT: z.string().default(''),
  PARLEY_NATS_TLS_KEY: z.string().default(''),
  /** First token of every subject: nodes with another one are another cluster. */
  PARLEY_NATS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('parley'),
  /** What may wait to be sent to other nodes; beyond it messages are left out and their receivers told to look. */
  PARLEY_NATS_PENDING_BYTES: z.coerce.number().int().min(1_048_576).max(1_073_741_824).default(33_554_432),
};
export type LinkSettings = z.infer<z.ZodObject<typeof linkSettings>>;

const alone = z.object(linkSettings).parse({});

export interface LinkOptions {
  readonly servers: readonly string[];
  readonly login:
    | { readonly by: 'nothing' }
    | { readonly by: 'password'; readonly user: string; readonly password: string }
    | { readonly by: 'token'; readonly token: string }
    | { readonly by: 'nkey' | 'creds'; readonly file: string };
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined;
  readonly prefix: string;
  readonly pendingBytesMax: number;
}

/** Undefined: the node is alone. Throws a RangeError that says which settings do not go together. */
export function linkOptionsOf(settings: LinkSettings): LinkOptions | undefined {
  const { PARLEY_NATS: urls } = settings;
  if (urls === '') {
    const others = Object.keys(linkSettings).filter((name) => settings[name as keyof LinkSettings] !== alone[name as keyof LinkSettings]);
    if (others.length > 0) throw new RangeError(`${others.join(', ')}: set PARLEY_NATS too, to where it is.`);
    return undefined;
  }
  const { PARLEY_NATS_TLS_CA: caFile, PARLEY_NATS_TLS_CERT: certFile, PARLEY_NATS_TLS_KEY: keyFile } = settings;
  if ((certFile === '') !== (keyFile === '')) throw new RangeError('PARLEY_NATS_TLS_CERT and PARLEY_NATS_TLS_KEY: set both or none.');
  const servers = urls.split(',').map((url) => url.trim());
  const wantsTls = settings.PARLEY_NATS_TLS === 'yes' || caFile !== '' || certFile !== '' || servers.some((url) => url.startsWith('tls:'));
  const files = { ...(caFile !== '' && { caFile }), ...(certFile !== '' && { certFile, keyFile }) };
  return { servers, login: loginOf(settings), tls: wantsTls ? files : undefined, prefix: settings.PARLEY_NATS_PREFIX, pendingBytesMax: settings.PARLEY_NATS_PENDING_BYTES };
}

function loginOf(settings: LinkSettings): LinkOptions['login'] {
  const { PARLEY_NATS_USER: user, PARLEY_NATS_PASSWORD: password, PARLEY_NATS_TOKEN: token, PARLEY_NATS_NKEY: nkey, PARLEY_NATS_CREDS: creds } = settings;
  const given = [user, token, nkey, creds].filter((value) => value !== '');
  if (given.length > 1) throw new RangeError('PARLEY_NATS_USER, PARLEY_NATS_TOKEN, PARLEY_NATS_NKEY, PARLEY_NATS_CREDS: set one of them at most.');
  if (user === '' && password !== '') throw new RangeError('PARLEY_NATS_PASSWORD: set PARLEY_NATS_USER too.');
  if (user !== '') return { by: 'password', user, password };
  if (token !== '') return { by: 'token', token };
  if (nkey !== '') return { by: 'nkey', file: nkey };
  return creds === '' ? { by: 'nothing' } : { by: 'creds', file: creds };
}
