// Accounts for the load, written straight into an embedded store while no server has it open: thousands in seconds, where registering them would take argon2 minutes.
// Their tokens are real ones, signed with the store's own key, so that the first connect with each verifies a real signature.
// Run as `node bench/accounts.ts --data DIR --count N > tokens.jsonl` for a server of your own: stop it first. `--api https://…` registers them with one that runs, anywhere, by its HTTP API:
// tokens then last as long as that server says (10 minutes), and its limits for an address apply (PARLEY_RATE_FACTOR).
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/actors/runtime/clock.ts';
import { argon2Passwords } from '../src/services/passwords.argon2.ts';
import { joseAccessTokens } from '../src/services/tokens.jose.ts';
import { tokenLimits } from '../src/services/tokens.ts';
import { openLevelStores } from '../src/store/stores.level.ts';
import type { Stores } from '../src/store/stores.ts';
import { type DeviceId, idFrom, type UserId } from '../src/structures/ids.ts';
import type { Account } from './generator/device.ts';
import { eachOf } from './generator/speaker.ts';

const issuer = 'parley'; // as in src/node.ts
const registeringAtOnce = 8;
const togetherMax = 1_000; // written in one commit
const accessMs = 4 * 60 * 60_000; // a run must not outlive its tokens

/** `count` new users with a device each. Throws StoreRefused where another process has the directory. */
export async function mintAccounts(directory: string, count: number): Promise<readonly Account[]> {
  const stores = await openLevelStores({ directory, clock: systemClock(), random: Math.random, onReport: ({ says }) => process.stderr.write(`${says}\n`) });
  try {
    return await mintAccountsIn(stores, count);
  } finally {
    await stores.close();
  }
}

/** The same in stores that are open: those that the nodes of a cluster share, before the first of them starts. */
export async function mintAccountsIn(stores: Pick<Stores, 'tokens' | 'users' | 'devices'>, count: number): Promise<readonly Account[]> {
  const clock = systemClock();
  const nowMs = (): number => clock.nowMs();
  const access = await joseAccessTokens({ store: stores.tokens, issuer, nowMs, randomBytes, limits: { ...tokenLimits, accessMs } });
  const passwordHash = await (await argon2Passwords()).hash(randomBytes(24).toString('base64')); // one for all: nobody logs in with it
  const accounts: Account[] = [];
  while (accounts.length < count) {
    const some = Array.from({ length: Math.min(togetherMax, count - accounts.length) }, async () => {
      const userId: UserId = idFrom<'user'>('u', randomBytes(15));
      const deviceId: DeviceId = idFrom<'device'>('d', randomBytes(15));
      const handle = `bench-${randomBytes(8).toString('hex')}`;
      const createdAtMs = nowMs();
      await Promise.all([
        stores.users.create({ userId, handle, name: handle, passwordHash, createdAtMs }),
        stores.devices.put({ userId, deviceId, name: 'bench', createdAtMs, revokedAtMs: 0 }),
      ]);
      return { userId, deviceId, accessToken: (await access.sign(userId, deviceId, createdAtMs)).token };
    });
    accounts.push(...(await Promise.all(some)));
  }
  return accounts;
}

/** Reads what the command below wrote: a JSON object a line. Throws a SyntaxError or a TypeError for anything else. */
export function parseAccounts(text: string): readonly Account[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, at) => {
      const { userId, deviceId, accessToken } = JSON.parse(line) as Account;
      if (typeof userId !== 'string' || typeof deviceId !== 'string' || typeof accessToken !== 'string')
        throw new TypeError(`line ${at + 1} has no userId, deviceId and accessToken`);
      return { userId, deviceId, accessToken };
    });
}

/** The same with a server that runs. Throws an Error with its answer where it does not do it. */
export async function registerAccounts(api: string, count: number): Promise<readonly Account[]> {
  const accounts: Account[] = [];
  await eachOf(Array.from({ length: count }), registeringAtOnce, async () => {
    const body = { handle: `bench-${randomBytes(8).toString('hex')}`, password: randomBytes(24).toString('base64'), deviceName: 'bench' };
    const response = await fetch(new URL('/v1/users', api), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${api} answers ${response.status} after ${accounts.length} accounts: ${text}`);
    accounts.push(...parseAccounts(text));
  });
  return accounts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { data: { type: 'string' }, api: { type: 'string' }, count: { type: 'string', default: '1000' } } });
  if ((values.data === undefined) === (values.api === undefined)) throw new Error('--data DIR says where the store is, or --api URL where a server is');
  const count = Number(values.count);
  const accounts = values.data === undefined ? await registerAccounts(values.api as string, count) : await mintAccounts(values.data, count);
  for (const account of accounts) process.stdout.write(`${JSON.stringify(account)}\n`);
}
