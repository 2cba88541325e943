// Every route of the HTTP API.
import { protocolVersion, subprotocol } from '../../protocol/version.ts';
import type { Auth } from '../../services/auth.ts';
import type { DeviceService } from '../../services/devices.ts';
import type { Profiles as ProfileService } from '../../services/profiles.ts';
import type { TokenService } from '../../services/tokens.ts';
import { openApi } from './openapi.ts';
import { bearer, open, type Route } from './route.ts';
import { DevicePath, Devices, LogIn, Profiles, ProfilesQuery, Refresh, Register, Server, Tokens } from './schemas.ts';

export interface RouteNeeds {
  readonly auth: Auth;
  readonly tokens: Pick<TokenService, 'refresh'>;
  readonly devices: Pick<DeviceService, 'list' | 'revoke'>;
  readonly profiles: Pick<ProfileService, 'byHandle' | 'byIds'>;
  readonly registration: 'open' | 'closed';
  /** Where the sockets are, for who reached this API under `host` (the Host header; may be missing). */
  readonly socketUrl: (host: string | undefined) => string;
}

export function routes(needs: RouteNeeds): readonly Route[] {
  const all = [...accountRoutes(needs), ...sessionRoutes(needs), ...deviceRoutes(needs), ...serverRoutes(needs)];
  const document = open({
    method: 'GET',
    template: '/openapi.json',
    operationId: 'document',
    says: 'This document.',
    answer: { status: 200 },
    errors: [],
    handle: async () => described,
  });
  const described = openApi([...all, document]);
  return [...all, document];
}

function accountRoutes({ auth, profiles }: RouteNeeds): readonly Route[] {
  return [
    open({
      method: 'POST',
      template: '/v1/users',
      operationId: 'register',
      says: 'Makes an account, and logs its first device in.',
      body: Register,
      answer: { status: 201, schema: Tokens },
      errors: ['handleTaken', 'registrationClosed'],
      handle: ({ body, address }) => auth.register(body, address),
    }),
    bearer({
      method: 'GET',
      template: '/v1/users',
      operationId: 'findUsers',
      says: 'Users by handle or by ids. Those that do not exist are left out.',
      query: ProfilesQuery,
      lists: ['id'],
      answer: { status: 200, schema: Profiles },
      errors: [],
      rate: 'readByUser',
      async handle({ query: { handle, id } }) {
        if (handle === undefined) return { users: await profiles.byIds(id ?? []) };
        const user = await profiles.byHandle(handle);
        return { users: user === undefined ? [] : [user] };
      },
    }),
  ];
}

function sessionRoutes({ auth, tokens }: RouteNeeds): readonly Route[] {
  return [
    open({
      method: 'POST',
      template: '/v1/sessions',
      operationId: 'logIn',
      says: 'Logs a device in.',
      body: LogIn,
      answer: { status: 200, schema: Tokens },
      errors: ['wrongPassword'],
      handle: ({ body, address }) => auth.logIn(body, address),
    }),
    open({
      method: 'POST',
      template: '/v1/sessions/refresh',
      operationId: 'refresh',
      says: 'New tokens for a refresh token, which is then used up. If the answer gets lost, ask again with the same one within a minute. Later use of it logs the device out.',
      body: Refresh,
      answer: { status: 200, schema: Tokens },
      errors: ['tokenWrong', 'tokenExpired', 'tokenReused', 'loggedOut'],
      rate: 'refreshByAddress',
      handle: ({ body }) => tokens.refresh(body.refreshToken),
    }),
    bearer({
      method: 'DELETE',
      template: '/v1/sessions',
      operationId: 'logOut',
      says: 'Logs this device out: its tokens are bad from now on, its sockets are closed.',
      answer: { status: 204 },
      errors: [],
      rate: 'changeByUser',
      async handle({ who }) {
        await auth.logOut(who);
        return undefined;
      },
    }),
  ];
}

function deviceRoutes({ devices }: RouteNeeds): readonly Route[] {
  return [
    bearer({
      method: 'GET',
      template: '/v1/devices',
      operationId: 'listDevices',
      says: 'The devices of this user that are logged in, the newest first.',
      answer: { status: 200, schema: Devices },
      errors: [],
      rate: 'readByUser',
      async handle({ who }) {
        const own = await devices.list(who.userId);
        return { devices: own.map(({ deviceId, name, createdAtMs }) => ({ deviceId, name, createdAtMs, current: deviceId === who.deviceId })) };
      },
    }),
    bearer({
      method: 'DELETE',
      template: '/v1/devices/{deviceId}',
      operationId: 'revokeDevice',
      says: 'Logs a device of this user out.',
      path: DevicePath,
      answer: { status: 204 },
      errors: ['noSuchDevice'],
      rate: 'changeByUser',
      handle: ({ who, path }) => devices.revoke(who.userId, path.deviceId),
    }),
  ];
}

function serverRoutes({ registration, socketUrl }: RouteNeeds): readonly Route[] {
  return [
    open({
      method: 'GET',
      template: '/v1/server',
      operationId: 'describeServer',
      says: 'What a client must know before it logs in.',
      answer: { status: 200, schema: Server },
      errors: [],
      handle: async ({ host }) => ({ socketUrl: socketUrl(host), protocolVersion, subprotocol, registration }),
    }),
  ];
}
