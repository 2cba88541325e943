// What the client asks of the server's HTTP API: accounts, devices, who is who.
import type { DeviceId, UserId } from '../structures/ids.ts';

/** Times are the server's clock, of which `serverTimeMs` is one reading. */
export interface Tokens {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly accessToken: string;
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshExpiresAtMs: number;
  readonly serverTimeMs: number;
}

export interface User {
  readonly userId: UserId;
  readonly handle: string;
  readonly name: string;
}

export interface Device {
  readonly deviceId: DeviceId;
  readonly name: string;
  readonly createdAtMs: number;
  /** The one that asks. */
  readonly current: boolean;
}

/** Everything rejects with HttpRefused, or with ServerUnreachable. */
export interface Accounts {
  register(account: { readonly handle: string; readonly password: string; readonly name?: string; readonly deviceName: string }): Promise<Tokens>;
  logIn(account: { readonly handle: string; readonly password: string; readonly deviceName: string; readonly deviceId?: DeviceId }): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  logOut(accessToken: string): Promise<void>;
  devices(accessToken: string): Promise<readonly Device[]>;
  revoke(accessToken: string, deviceId: DeviceId): Promise<void>;
  userByHandle(accessToken: string, handle: string): Promise<User | undefined>;
  /** Those that exist; at most `idsPerLookupMax` at once. */
  usersByIds(accessToken: string, userIds: readonly UserId[]): Promise<readonly User[]>;
  /** Where the sockets are. */
  socketUrl(): Promise<string>;
}

export const idsPerLookupMax = 100;

/** The server says no; `message` says what to do about it. */
export class HttpRefused extends Error {
  readonly status: number;
  /** As in the server's /openapi.json: `wrongPassword`, `handleTaken`, `rateLimited` … */
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(status: number, code: string, says: string, retryAfterMs: number | null) {
    super(says);
    this.name = 'HttpRefused';
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Nothing answers there, or nothing that speaks this API. */
export class ServerUnreachable extends Error {}
