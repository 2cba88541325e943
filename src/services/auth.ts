// Accounts: register, log in, log out, and who a bearer of an access token is.
import type { UserStore } from '../store/users.ts';
import { type DeviceId, idFrom } from '../structures/ids.ts';
import type { DeviceService } from './devices.ts';
import { addressKey, type RateGuard } from './rate-limits.ts';
import type { Refused } from './refused.ts';
import type { RandomBytes, TokenService, Tokens, Verified } from './tokens.ts';

export const accountLimits = {
  /** Upper case is folded before this is asked. */
  handle: /^[a-z0-9._-]{3,32}$/,
  passwordMin: 8,
  passwordMax: 256,
  /** When as many hashes wait as may: about how long the queue takes. */
  passwordsBusyMs: 1_000,
} as const;

/** passwords.argon2.ts. `busy`: more wait already than may. */
export interface Passwords {
  hash(password: string): Promise<string | 'busy'>;
  /** False, after as long as ever, for `encoded` undefined. */
  verify(password: string, encoded: string | undefined): Promise<boolean | 'busy'>;
}

export interface AuthNeeds {
  readonly users: UserStore;
  readonly devices: DeviceService;
  readonly tokens: TokenService;
  readonly passwords: Passwords;
  readonly rates: RateGuard;
  readonly registration: 'open' | 'closed';
  readonly nowMs: () => number;
  readonly randomBytes: RandomBytes;
}

export interface Registering {
  readonly handle: string;
  readonly password: string;
  /** The handle, if it is left out. */
  readonly name?: string | undefined;
  readonly deviceName: string;
}

export interface LoggingIn {
  readonly handle: string;
  readonly password: string;
  readonly deviceName: string;
  readonly deviceId?: DeviceId | undefined;
}

/** `address`: where the request comes from, for the rate limits. Handles come in lower case. */
export interface Auth {
  register(account: Registering, address: string): Promise<Tokens | Refused>;
  logIn(account: LoggingIn, address: string): Promise<Tokens | Refused>;
  logOut(who: Verified): Promise<void>;
  whoIs(accessToken: string): Promise<Verified | Refused>;
}

const busy: Refused = { refused: 'busy', retryAfterMs: accountLimits.passwordsBusyMs };

export function authService(needs: AuthNeeds): Auth {
  const { devices, tokens } = needs;
  return {
    register: (account, address) => register(needs, account, address),
    logIn: (account, address) => logIn(needs, account, address),
    async logOut({ userId, deviceId }) {
      await devices.revoke(userId, deviceId);
    },
    async whoIs(accessToken) {
      const judged = await tokens.verifyAccess(accessToken);
      if (judged === 'wrong') return { refused: 'tokenWrong' };
      if (judged === 'expired') return { refused: 'tokenExpired' };
      return (await devices.deviceGood(judged)) ? judged : { refused: 'loggedOut' };
    },
  };
}

async function register(needs: AuthNeeds, { handle, password, name, deviceName }: Registering, address: string): Promise<Tokens | Refused> {
  const { users, passwords, rates, nowMs, randomBytes } = needs;
  if (needs.registration === 'closed') return { refused: 'registrationClosed' };
  const limited = await rates.take('registerByAddress', addressKey(address));
  if (limited) return limited;
  if ((await users.byHandle(handle)) !== undefined) return { refused: 'handleTaken' }; // saves the hash; who comes first is for `create` to say
  const passwordHash = await passwords.hash(password);
  if (passwordHash === 'busy') return busy;
  const userId = idFrom<'user'>('u', randomBytes(15));
  if (!(await users.create({ userId, handle, name: name ?? handle, passwordHash, createdAtMs: nowMs() }))) return { refused: 'handleTaken' };
  const device = await needs.devices.begin(userId, deviceName, undefined);
  return needs.tokens.issue(device);
}

async function logIn(needs: AuthNeeds, { handle, password, deviceName, deviceId }: LoggingIn, address: string): Promise<Tokens | Refused> {
  const { users, passwords } = needs;
  const points = await takeLogIn(needs.rates, handle, addressKey(address));
  if ('refused' in points) return points;
  const user = await users.byHandle(handle);
  const right = await passwords.verify(password, user?.passwordHash);
  if (right === false) return { refused: 'wrongPassword' };
  await points.giveBack(); // only guesses count
  if (right === 'busy' || user === undefined) return busy; // `verify` says true for nobody who does not exist
  const device = await needs.devices.begin(user.userId, deviceName, deviceId);
  return needs.tokens.issue(device);
}

/** Taken before the password is looked at, so that many guesses at once can't pass together. */
async function takeLogIn(rates: RateGuard, handle: string, address: string): Promise<Refused | { giveBack(): Promise<void> }> {
  const wanted = [
    ['logInByAddressAndHandle', `${address} ${handle}`],
    ['logInByAddress', address],
    ['logInByHandle', handle],
  ] as const;
  for (const [at, [name, key]] of wanted.entries()) {
    const limited = await rates.take(name, key);
    if (limited === undefined) continue;
    for (const [taken, of] of wanted.slice(0, at)) await rates.giveBack(taken, of);
    return limited;
  }
  return {
    async giveBack() {
      for (const [name, key] of wanted) await rates.giveBack(name, key);
    },
  };
}
