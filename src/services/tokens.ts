// Who a device is, for the next minutes (access token) and for the next weeks (refresh token).
import type { Device } from '../store/devices.ts';
import type { KeptFamily, TokenFamily, TokenStore } from '../store/tokens.ts';
import type { DeviceId, UserId } from '../structures/ids.ts';
import { bornAtMs, familyIdAt, hashOf, parseRefresh, type RefreshToken, refreshText, secretBytes, successorOf } from './refresh-tokens.ts';
import type { Refused } from './refused.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export const tokenLimits = {
  /** Of an access token. */
  accessMs: 10 * minuteMs,
  /** An access token is taken for so long after its end: the clocks of two nodes may be that far apart and nobody notices. */
  leewayMs: 30_000,
  /** One that is dated so far ahead is taken: its node's clock is, and it is signed. Farther ahead it counts as expired, else it would be good for as long. */
  aheadMs: 10 * minuteMs,
  /** Of a refresh token that is not used. */
  refreshIdleMs: 60 * dayMs,
  /** Of a family, from the log-in on. */
  refreshAbsoluteMs: 365 * dayMs,
  /** For this long after its use the token before the current one is answered with the current one: the answer may have been lost. */
  refreshGraceMs: minuteMs,
  /** A signing key is followed by a new one after this long … */
  keyMs: 30 * dayMs,
  /** … and verifies for this long after: more than an access token lives, and than another node takes to notice. */
  keyOverlapMs: dayMs,
  /** Keys are read again this often … */
  keysReloadMs: 60 * minuteMs,
  /** … and when a token names an unknown one, but then at most this often. */
  keysReloadMinMs: 1_000,
} as const;
export type TokenLimits = { readonly [Name in keyof typeof tokenLimits]: number };

/** What a log-in or a refresh gives. Times are the server's; count from `serverTimeMs`. */
export interface Tokens {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly accessToken: string;
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshExpiresAtMs: number;
  readonly serverTimeMs: number;
}

/** What a good access token says. Whether its device is still logged in is for `devices.deviceGood` to say. */
export interface Verified {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Which log-in of the device it is of: that one's `createdAtMs`. Missing in tokens of builds that did not say it yet. */
  readonly logIn?: number;
}
export type Judged = Verified | 'wrong' | 'expired';

/** Signs and verifies access tokens: tokens.jose.ts. */
export interface AccessTokens {
  sign(userId: UserId, deviceId: DeviceId, logIn: number): Promise<{ readonly token: string; readonly expiresAtMs: number }>;
  /** At once for a key that is known, which is nearly always. */
  verify(token: string): Judged | Promise<Judged>;
  /** Keys for `successorOf`, the one to use now first, then all there ever were; `fresh`: also those that other nodes have made since they were read. */
  successorKeys(fresh?: boolean): Promise<readonly Uint8Array[]>;
}

/** `count` random bytes, fit for secrets. */
export type RandomBytes = (count: number) => Uint8Array;

export interface TokenNeeds {
  readonly store: TokenStore;
  readonly access: AccessTokens;
  readonly devices: {
    loggedIn(userId: UserId, deviceId: DeviceId): Promise<Device | undefined>;
    revoke(userId: UserId, deviceId: DeviceId): Promise<unknown>;
  };
  /** The machine's clock: others compare what it says with theirs. It may jump, both ways. */
  readonly nowMs: () => number;
  readonly randomBytes: RandomBytes;
  readonly limits?: TokenLimits;
}

export interface TokenService {
  /** Begins a family: who asks has proved who it is. */
  issue(device: Device): Promise<Tokens>;
  /** Each refresh token is good once. Used again, beyond the grace, it was stolen or copied: the family is revoked and the device logged out. */
  refresh(refreshToken: string): Promise<Tokens | Refused>;
  verifyAccess(token: string): Judged | Promise<Judged>;
}

export function tokenService(needs: TokenNeeds): TokenService {
  return {
    issue: (device) => issue(needs, device),
    refresh: (text) => refresh(needs, text),
    verifyAccess: (token) => needs.access.verify(token),
  };
}

async function issue(needs: TokenNeeds, device: Device): Promise<Tokens> {
  const { store, nowMs, randomBytes, limits = tokenLimits } = needs;
  const token = { familyId: familyIdAt(nowMs(), randomBytes(15)), secret: randomBytes(secretBytes) };
  const { userId, deviceId } = device;
  const family: TokenFamily = { familyId: token.familyId, userId, deviceId, currentHash: hashOf(token.secret), expiresAtMs: nowMs() + limits.refreshIdleMs, revoked: false };
  await store.create(family);
  return tokensOf(needs, family, token, device);
}

async function refresh(needs: TokenNeeds, text: string): Promise<Tokens | Refused> {
  const { store, access, devices, nowMs, limits = tokenLimits } = needs;
  const token = parseRefresh(text);
  const family = token && (await store.get(token.familyId));
  if (token === undefined || family === undefined) return { refused: 'tokenWrong' };
  const judged = await judge(needs, family, token);
  if (judged !== 'current') return judged;
  const device = await devices.loggedIn(family.userId, family.deviceId);
  if (device === undefined) return { refused: 'loggedOut' };
  const [key] = await access.successorKeys();
  if (key === undefined) throw new Error('there is no key to make the next refresh token with');
  const next = { familyId: token.familyId, secret: successorOf(key, token) };
  const expiresAtMs = nowMs() + limits.refreshIdleMs;
  if (await store.rotate(family.familyId, family.currentHash, hashOf(next.secret), expiresAtMs)) return tokensOf(needs, { ...family, expiresAtMs }, next, device);
  // Somebody else was faster with the same token: the device itself, asking twice, or not.
  const now = await store.get(family.familyId);
  const again = now === undefined ? 'current' : await judge(needs, now, token);
  return again === 'current' ? { refused: 'tokenWrong' } : again;
}

/** What presenting `token` to the family comes to: it is the current one, or the answer. */
async function judge(needs: TokenNeeds, family: KeptFamily, token: RefreshToken): Promise<'current' | Tokens | Refused> {
  const { store, devices, nowMs, limits = tokenLimits } = needs;
  if (family.revoked) return { refused: 'loggedOut' };
  if (nowMs() >= endOf(family, limits)) return { refused: 'tokenExpired' };
  if (hashOf(token.secret) === family.currentHash) return 'current';
  const lost = await lostAnswer(needs, family, token);
  if (lost !== undefined) return lost;
  await store.revoke(family.familyId);
  await devices.revoke(family.userId, family.deviceId);
  return { refused: 'tokenReused' };
}

/** The answer to `token` once more, if the current token is the one that followed it, and only just: by the store's clock, no node's may make a thief of a device. */
async function lostAnswer(needs: TokenNeeds, family: KeptFamily, token: RefreshToken): Promise<Tokens | Refused | undefined> {
  const { access, devices, limits = tokenLimits } = needs;
  if (family.currentForMs > limits.refreshGraceMs) return undefined;
  const follows = (keys: readonly Uint8Array[]): Uint8Array | undefined => keys.map((key) => successorOf(key, token)).find((next) => hashOf(next) === family.currentHash);
  const secret = follows(await access.successorKeys()) ?? follows(await access.successorKeys(true));
  if (secret === undefined) return undefined;
  const device = await devices.loggedIn(family.userId, family.deviceId);
  return device === undefined ? { refused: 'loggedOut' } : tokensOf(needs, family, { familyId: family.familyId, secret }, device);
}

async function tokensOf({ access, nowMs, limits = tokenLimits }: TokenNeeds, family: TokenFamily, token: RefreshToken, { createdAtMs }: Device): Promise<Tokens> {
  const { token: accessToken, expiresAtMs } = await access.sign(family.userId, family.deviceId, createdAtMs);
  return {
    userId: family.userId,
    deviceId: family.deviceId,
    accessToken,
    accessExpiresAtMs: expiresAtMs,
    refreshToken: refreshText(token),
    refreshExpiresAtMs: endOf(family, limits),
    serverTimeMs: nowMs(),
  };
}

/** The last use plus the idle time; the absolute end counts beside it. */
function endOf(family: TokenFamily, limits: TokenLimits): number {
  return Math.min(family.expiresAtMs, bornAtMs(family.familyId) + limits.refreshAbsoluteMs);
}
