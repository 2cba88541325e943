// Every error of the HTTP API: its code, its status, what to do about it.
import type { RefusedWhy } from '../../services/refused.ts';
import { type HttpAnswer, json } from './exchange.ts';

export interface HttpError {
  readonly status: number;
  /** What happened and what to do, for the person who writes the client. */
  readonly says: string;
}

export const httpErrors = {
  malformed: { status: 400, says: 'The request is not of the documented form (see /openapi.json).' },
  wrongPassword: { status: 401, says: 'Handle or password is wrong.' },
  tokenWrong: { status: 401, says: 'The token is missing or not one of this server. Log in.' },
  tokenExpired: { status: 401, says: 'The token has expired. Refresh it; if it is the refresh token, log in.' },
  tokenReused: { status: 401, says: 'This refresh token had been used before, so this device was logged out. Log in, and change your password if it was not you.' },
  loggedOut: { status: 401, says: 'This device was logged out. Log in.' },
  registrationClosed: { status: 403, says: 'This server takes no registrations. Ask its operator for an account.' },
  originForbidden: { status: 403, says: "Pages of this origin may not use this server. Its operator can add it to the server's list of origins." },
  noSuchRoute: { status: 404, says: 'There is nothing at this path. See /openapi.json.' },
  noSuchDevice: { status: 404, says: 'You have no such device.' },
  methodNotAllowed: { status: 405, says: 'This path does not take that method. See the Allow header.' },
  handleTaken: { status: 409, says: 'This handle is taken. Choose another, or log in if it is yours.' },
  tooBig: { status: 413, says: 'The body is over 16 KB.' },
  notJson: { status: 415, says: 'Send the body as JSON, with Content-Type: application/json.' },
  rateLimited: { status: 429, says: 'Too many of these in a short time. Try again after retryAfterMs.' },
  internal: { status: 500, says: 'The server failed on exactly this request. Do not repeat it unchanged; report it.' },
  busy: { status: 503, says: 'The server has as much waiting as it takes. Try again after retryAfterMs.' },
  unavailable: { status: 503, says: 'The server cannot reach its store just now. Try again after retryAfterMs.' },
  storeFull: { status: 507, says: "The server's disk is full. Nothing was stored; try again later." },
} as const satisfies Record<RefusedWhy, HttpError> & Record<string, HttpError>;

export type ErrorCode = keyof typeof httpErrors;

/** Where the error itself says no time. */
const laterMs: Partial<Record<ErrorCode, number>> = { unavailable: 1_000, storeFull: 10_000 };

export interface ErrorMore {
  readonly retryAfterMs?: number | undefined;
  /** Which part of the request, appended to the words. Never anything that the request contained. */
  readonly where?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function errorAnswer(code: ErrorCode, { retryAfterMs = laterMs[code], where, headers }: ErrorMore = {}): HttpAnswer {
  const { status, says } = httpErrors[code];
  return json(
    status,
    { code, says: where === undefined ? says : `${says} ${where}`, ...(retryAfterMs !== undefined && { retryAfterMs }) },
    { ...headers, ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }), ...(status === 401 && { 'www-authenticate': 'Bearer' }) },
  );
}
