// What the terminal client is told when it is started.
import { parseArgs } from 'node:util';

export interface Arguments {
  readonly handle: string;
  readonly url: string;
  /** Where this account's messages are kept. */
  readonly folder: string;
  readonly password: string | undefined;
}

/** The message says what to type. */
export class BadArguments extends Error {}

export const usage = `Usage: npm run chat -- --as NAME [--url http://127.0.0.1:8081] [--data FOLDER] [--password PASSWORD]

  --as NAME        your handle; an account is made if there is none
  --url URL        the server's HTTP API (default http://127.0.0.1:8081)
  --data FOLDER    where your messages are kept (default ~/.parley/NAME@HOST)
  --password P     for scripts; or set PARLEY_PASSWORD. Without it you are asked.`;

export interface Surroundings {
  readonly home: string;
  readonly password: string | undefined;
}

/** Undefined: help was asked for. Throws BadArguments. */
export function readArguments(args: readonly string[], { home, password }: Surroundings): Arguments | undefined {
  const { values } = parsed(args);
  if (values.help === true) return undefined;
  const handle = values.as?.toLowerCase();
  if (handle === undefined) throw new BadArguments('Say who you are: --as NAME');
  if (!/^[a-z0-9._-]{3,32}$/.test(handle)) throw new BadArguments(`"${handle}" cannot be a handle: 3–32 of a–z, 0–9, dot, underscore, hyphen`);
  const url = (values.url ?? 'http://127.0.0.1:8081').replace(/\/+$/, '');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new BadArguments(`"${url}" is no http:// or https:// address`);
  const folder = values.data ?? `${home}/.parley/${handle}@${new URL(url).host.replaceAll(':', '_')}`;
  return { handle, url, folder, password: values.password ?? password };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { as: { type: 'string' }, url: { type: 'string' }, data: { type: 'string' }, password: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new BadArguments((error as Error).message);
  }
}
