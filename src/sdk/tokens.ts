// Keeps this device's tokens: renews the access token in time, once for all who ask, and writes the new pair down before it is used.
import type { Clock } from '../structures/clock.ts';
import { type Accounts, HttpRefused, type Tokens } from './accounts.ts';
import { LoggedOut } from './faults.ts';
import type { DeviceStorage, Login } from './storage.ts';

/** An access token with less than this to live is renewed before it is used. */
const renewAheadMs = 30_000;

export class TokenKeeper {
  private login: Login;
  private readonly accounts: Accounts;
  private readonly storage: DeviceStorage;
  private readonly clock: Clock;
  private renewing: Promise<string> | undefined;

  constructor(login: Login, accounts: Accounts, storage: DeviceStorage, clock: Clock) {
    this.login = login;
    this.accounts = accounts;
    this.storage = storage;
    this.clock = clock;
  }

  /** Rejects with LoggedOut when this device's log-in is good no more; with anything else: try again later. */
  async accessToken(fresh: boolean): Promise<string> {
    if (!fresh && this.login.accessExpiresAtMs - this.clock.nowMs() > renewAheadMs) return this.login.accessToken;
    this.renewing ??= this.renew().finally(() => (this.renewing = undefined));
    return await this.renewing;
  }

  private async renew(): Promise<string> {
    let tokens: Tokens;
    try {
      tokens = await this.accounts.refresh(this.login.refreshToken);
    } catch (error) {
      if (error instanceof HttpRefused && error.status === 401) throw new LoggedOut(error.message, { cause: error });
      throw error;
    }
    this.login = loginOf(tokens, this.login, this.clock);
    await this.storage.write([{ kind: 'login', login: this.login }], { sync: true });
    return this.login.accessToken;
  }
}

/** Expiry in this device's time, whatever its clock says. */
export function loginOf(tokens: Tokens, { url, handle }: Pick<Login, 'url' | 'handle'>, clock: Clock): Login {
  const { userId, deviceId, accessToken, accessExpiresAtMs, refreshToken, serverTimeMs } = tokens;
  return { url, handle, userId, deviceId, accessToken, accessExpiresAtMs: clock.nowMs() + accessExpiresAtMs - serverTimeMs, refreshToken };
}
