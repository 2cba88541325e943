// Which web pages may use the API: the same list as for sockets.
import { errorAnswer } from './errors.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';

export type Origins = readonly string[] | '*';

const preflightSeconds = 600;

/** The answer, where the origin decides it: a page of a foreign origin is refused, a preflight is answered. */
export function answerByOrigin(request: HttpRequest, origins: Origins): HttpAnswer | undefined {
  const { origin } = request.headers;
  if (origin === undefined) return undefined; // no browser, or a page of our own that only reads
  if (origins !== '*' && !origins.includes(origin)) return errorAnswer('originForbidden');
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return undefined;
  return {
    status: 204,
    headers: {
      ...originHeaders(request, origins),
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': String(preflightSeconds),
    },
    body: '',
  };
}

/** For every answer to a request whose origin is allowed. No cookies are used, so no credentials are allowed. */
export function originHeaders(request: HttpRequest, origins: Origins): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined || (origins !== '*' && !origins.includes(origin))) return {};
  return { 'access-control-allow-origin': origins === '*' ? '*' : origin, 'access-control-expose-headers': 'retry-after', vary: 'origin' };
}
