// The server's HTTP API over `fetch`.
import type { DeviceId, UserId } from '../structures/ids.ts';
import { type Accounts, type Device, HttpRefused, ServerUnreachable, type Tokens, type User } from './accounts.ts';

const requestTimeoutMs = 20_000;

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly accessToken?: string;
}

/** `url` is the API's: http://127.0.0.1:8081, say. Of several, separated by commas, the one that answered last is asked first. */
export function fetchAccounts(url: string): Accounts {
  let bases = url.split(',').map((one) => one.trim().replace(/\/+$/, ''));
  const call = async <Answer>(path: string, options: Call = {}): Promise<Answer> => {
    const tried: string[] = [];
    for (;;) {
      const [base = '', ...others] = bases;
      try {
        return await ask<Answer>(base, path, options);
      } catch (error) {
        tried.push(base);
        if (!(error instanceof ServerUnreachable) || tried.length >= bases.length) throw error;
        if (bases[0] === base) bases = [...others, base];
      }
    }
  };
  const listUsers = async (accessToken: string, query: URLSearchParams) => (await call<{ users: User[] }>(`/v1/users?${query}`, { accessToken })).users;
  return {
    register: (account) => call<Tokens>('/v1/users', { method: 'POST', body: account }),
    logIn: (account) => call<Tokens>('/v1/sessions', { method: 'POST', body: account }),
    refresh: (refreshToken) => call<Tokens>('/v1/sessions/refresh', { method: 'POST', body: { refreshToken } }),
    logOut: (accessToken) => call<void>('/v1/sessions', { method: 'DELETE', accessToken }),
    devices: async (accessToken) => (await call<{ devices: Device[] }>('/v1/devices', { accessToken })).devices,
    revoke: (accessToken, deviceId: DeviceId) => call<void>(`/v1/devices/${encodeURIComponent(deviceId)}`, { method: 'DELETE', accessToken }),
    userByHandle: async (accessToken, handle) => (await listUsers(accessToken, new URLSearchParams({ handle })))[0],
    usersByIds: (accessToken, userIds: readonly UserId[]) => listUsers(accessToken, new URLSearchParams(userIds.map((userId): [string, string] => ['id', userId]))),
    socketUrl: async () => (await call<{ socketUrl: string }>('/v1/server')).socketUrl,
  };
}

async function ask<Answer>(base: string, path: string, { method = 'GET', body, accessToken }: Call): Promise<Answer> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (accessToken !== undefined) headers['authorization'] = `Bearer ${accessToken}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${base}${path}`, { method, headers, signal: AbortSignal.timeout(requestTimeoutMs), ...(body !== undefined && { body: JSON.stringify(body) }) });
    text = await response.text();
  } catch (cause) {
    throw new ServerUnreachable(`no server answers at ${base}`, { cause });
  }
  let answer: unknown;
  try {
    answer = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ServerUnreachable(`what answers at ${base} is no Parley server (${response.status}, not JSON)`);
  }
  if (response.ok) return answer as Answer;
  const { code, says, retryAfterMs } = (answer ?? {}) as { code?: string; says?: string; retryAfterMs?: number };
  if (typeof code !== 'string') throw new ServerUnreachable(`what answers at ${base} is no Parley server (${response.status})`);
  throw new HttpRefused(response.status, code, says ?? code, retryAfterMs ?? null);
}
