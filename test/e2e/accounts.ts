// Who takes part in a test: accounts made through the HTTP API, as anybody would, or many at once in the store of a server that is not running yet.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/actors/runtime/clock.ts';
import { deviceService } from '../../src/services/devices.ts';
import { joseAccessTokens } from '../../src/services/tokens.jose.ts';
import { tokenService } from '../../src/services/tokens.ts';
import type { Device } from '../../src/store/devices.ts';
import { type LevelStores, openLevelStores } from '../../src/store/stores.level.ts';
import type { Stores } from '../../src/store/stores.ts';
import { type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

export interface Account {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly accessToken: string;
}

export const password = 'correct horse battery';

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One request to the HTTP API or to the operators' listener. */
export async function request(method: string, url: string, { token, body }: { readonly token?: string; readonly body?: unknown } = {}): Promise<ApiAnswer> {
  const answer = await fetch(url, {
    method,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' || !answer.headers.get('content-type')?.includes('json') ? text : JSON.parse(text) };
}

let lastHandle = 0;

/** A new user with a first device. */
export async function registered(apiUrl: string, name = 'user'): Promise<Account> {
  lastHandle += 1;
  const handle = `${name}-${process.pid}-${lastHandle}`;
  const answer = await request('POST', `${apiUrl}/v1/users`, { body: { handle, password, deviceName: 'first' } });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  handles.set((answer.body as Account).userId, handle);
  return answer.body as Account;
}

const handles = new Map<UserId, string>();

/** Another device of the same user, or the same one again. */
export async function loggedIn(apiUrl: string, { userId }: Account, deviceId?: DeviceId): Promise<Account> {
  const answer = await request('POST', `${apiUrl}/v1/sessions`, { body: { handle: handles.get(userId), password, deviceName: 'another', ...(deviceId && { deviceId }) } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body as Account;
}

/** The stores of a data directory that no server has open. */
export function storesOf(directory: string): Promise<LevelStores> {
  return openLevelStores({ directory, random: Math.random, clock: systemClock(), onReport: () => {} });
}

/** That many users, each with so many devices, written straight into the stores: hashing passwords would take 20 ms each. Nobody can log in with a password as these. */
export async function seeded(directory: string, users: number, devicesEach = 1): Promise<readonly (readonly Account[])[]> {
  const stores = await storesOf(directory);
  try {
    return await seededIn(stores, users, devicesEach);
  } finally {
    await stores.close();
  }
}

/** The same in stores that are open. */
export async function seededIn(stores: Pick<Stores, 'tokens' | 'users' | 'devices'>, users: number, devicesEach = 1): Promise<readonly (readonly Account[])[]> {
  const nowMs = Date.now;
  const access = await joseAccessTokens({ store: stores.tokens, issuer: 'parley', nowMs, randomBytes });
  const devices = deviceService({ store: stores.devices, tokens: stores.tokens, nowMs, randomBytes, onRevoked: () => {} });
  const tokens = tokenService({ store: stores.tokens, access, devices, nowMs, randomBytes });
  const one = async (at: number): Promise<readonly Account[]> => {
    const userId = idFrom<'user'>('u', randomBytes(15));
    assert(await stores.users.create({ userId, handle: `seeded-${at}-${randomBytes(4).toString('hex')}`, name: `seeded ${at}`, passwordHash: 'none', createdAtMs: nowMs() }));
    const accounts: Account[] = [];
    for (let nth = 0; nth < devicesEach; nth += 1) accounts.push(await tokens.issue(await devices.begin(userId, `device ${nth}`, undefined)));
    return accounts;
  };
  return Promise.all(Array.from({ length: users }, (_, at) => one(at)));
}

/** An access token by the server's own key, as it was signed `agoMs` ago. No server may have the directory open. */
export async function signedEarlier(directory: string, { userId, deviceId }: Account, agoMs: number): Promise<string> {
  const stores = await storesOf(directory);
  try {
    return await signedEarlierIn(stores, { userId, deviceId }, agoMs);
  } finally {
    await stores.close();
  }
}

/** The same by the key of stores that are open. */
export async function signedEarlierIn(
  { tokens: store, devices }: Pick<Stores, 'tokens' | 'devices'>,
  { userId, deviceId }: Omit<Account, 'accessToken'>,
  agoMs: number,
): Promise<string> {
  const access = await joseAccessTokens({ store, issuer: 'parley', nowMs: () => Date.now() - agoMs, randomBytes });
  const { createdAtMs } = (await devices.get(userId, deviceId)) as Device;
  return (await access.sign(userId, deviceId, createdAtMs)).token;
}
