// All that has to do with accounts, put together over its stores.
import type { DeviceStore } from '../store/devices.ts';
import type { TokenStore } from '../store/tokens.ts';
import type { UserStore } from '../store/users.ts';
import { type Auth, authService, type Passwords } from './auth.ts';
import { type DeviceNeeds, type DeviceService, deviceService } from './devices.ts';
import { type Profiles, profiles } from './profiles.ts';
import type { RateGuard } from './rate-limits.ts';
import { type AccessTokens, type RandomBytes, type TokenLimits, type TokenService, tokenService } from './tokens.ts';

export interface AccountNeeds {
  readonly stores: { readonly users: UserStore; readonly devices: DeviceStore; readonly tokens: TokenStore };
  readonly access: AccessTokens;
  readonly passwords: Passwords;
  readonly rates: RateGuard;
  readonly registration: 'open' | 'closed';
  readonly nowMs: () => number;
  readonly randomBytes: RandomBytes;
  readonly onRevoked: DeviceNeeds['onRevoked'];
  readonly tokenLimits?: TokenLimits;
}

export interface Accounts {
  readonly auth: Auth;
  readonly tokens: TokenService;
  readonly devices: DeviceService;
  readonly profiles: Profiles;
}

export function accounts(needs: AccountNeeds): Accounts {
  const { stores, access, nowMs, randomBytes, onRevoked } = needs;
  const devices = deviceService({ store: stores.devices, tokens: stores.tokens, nowMs, randomBytes, onRevoked });
  const tokens = tokenService({ store: stores.tokens, access, devices, nowMs, randomBytes, ...(needs.tokenLimits && { limits: needs.tokenLimits }) });
  const auth = authService({ users: stores.users, devices, tokens, passwords: needs.passwords, rates: needs.rates, registration: needs.registration, nowMs, randomBytes });
  return { auth, tokens, devices, profiles: profiles(stores.users) };
}
