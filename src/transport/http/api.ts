// The HTTP API: from a request to its route, through every check, to an answer.
import type { z } from 'zod';
import { addressKey, type RateGuard } from '../../services/rate-limits.ts';
import { faultOf, isRefused, type Refused } from '../../services/refused.ts';
import type { Verified } from '../../services/tokens.ts';
import { errorAnswer } from './errors.ts';
import { type HttpAnswer, type HttpRequest, json, type RequestHandler } from './exchange.ts';
import { answerByOrigin, type Origins, originHeaders } from './origins.ts';
import { findRoute, type Route } from './route.ts';
import { type RouteNeeds, routes } from './routes.ts';

export interface HttpNeeds extends RouteNeeds {
  readonly rates: RateGuard;
  readonly origins: Origins;
  /** Whether a proxy of ours stands in front, whose X-Forwarded-For (its last address) is to be believed. */
  readonly behindProxy: boolean;
  readonly nowMs: () => number;
  readonly log: { error(fields: object, text: string): void };
  /** For metrics: which route (`operationId`, or `none`), how it ended, how long it took. */
  readonly answered?: (operationId: string, status: number, tookMs: number) => void;
}

/** Thrown within this file only: ends the handling of a request with this answer. */
class Ended extends Error {
  readonly answer: HttpAnswer;
  constructor(answer: HttpAnswer) {
    super('ended');
    this.answer = answer;
  }
}

const issuesShownMax = 3;

export function httpApi(needs: HttpNeeds): RequestHandler {
  const table = routes(needs);
  return async (request) => {
    const beganMs = needs.nowMs();
    let operationId = 'none';
    let answer: HttpAnswer;
    try {
      answer = answerByOrigin(request, needs.origins) ?? (await answerTo(needs, table, request, (id) => (operationId = id)));
    } catch (thrown) {
      answer = answerToThrown(needs, operationId, thrown);
    }
    needs.answered?.(operationId, answer.status, needs.nowMs() - beganMs);
    return { ...answer, headers: { ...answer.headers, ...originHeaders(request, needs.origins) } };
  };
}

async function answerTo(needs: HttpNeeds, table: readonly Route[], request: HttpRequest, found: (operationId: string) => void): Promise<HttpAnswer> {
  const address = addressOf(request, needs.behindProxy);
  refuse(await needs.rates.take('requestByAddress', addressKey(address)));
  const [pathname = '', search = ''] = request.target.split('?', 2);
  const hit = findRoute(table, request.method === 'HEAD' ? 'GET' : request.method, pathname);
  if (!('route' in hit)) throw new Ended(hit.length === 0 ? errorAnswer('noSuchRoute') : errorAnswer('methodNotAllowed', { headers: { allow: [...hit, 'OPTIONS'].join(', ') } }));
  const { route } = hit;
  found(route.operationId);
  const who = route.bearer ? await bearerOf(needs, request) : undefined;
  if (route.rate !== undefined) refuse(await needs.rates.take(route.rate, who === undefined ? addressKey(address) : who.userId));
  const answer = await route.handle({
    path: check(route.path, hit.path, 'path'),
    query: check(route.query, queryOf(search, route.lists ?? []), 'query'),
    body: route.body && check(route.body, await jsonOf(request), 'body'),
    who,
    address,
    host: request.headers['host'],
  });
  if (isRefused(answer)) refuse(answer);
  return route.answer.status === 204 ? { status: 204, headers: {}, body: '' } : json(route.answer.status, answer ?? {});
}

function answerToThrown(needs: HttpNeeds, operationId: string, thrown: unknown): HttpAnswer {
  if (thrown instanceof Ended) return thrown.answer;
  const fault = faultOf(thrown);
  needs.log.error({ operationId, err: thrown }, fault === undefined ? 'an HTTP request failed' : 'an HTTP request met a fault of the store');
  return errorAnswer(fault ?? 'internal');
}

function refuse(refused: Refused | undefined): void {
  if (refused !== undefined) throw new Ended(errorAnswer(refused.refused, { retryAfterMs: refused.retryAfterMs }));
}

async function bearerOf({ auth }: HttpNeeds, request: HttpRequest): Promise<Verified> {
  const token = /^bearer ([^\s]+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
  if (token === undefined) throw new Ended(errorAnswer('tokenWrong'));
  const who = await auth.whoIs(token);
  if (isRefused(who)) throw new Ended(errorAnswer(who.refused));
  return who;
}

async function jsonOf(request: HttpRequest): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) throw new Ended(errorAnswer('notJson'));
  const body = await request.body();
  if (body === 'tooBig') throw new Ended(errorAnswer('tooBig'));
  if (body === 'gone') throw new Ended(errorAnswer('malformed', { where: 'The body ended too early.' }));
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Ended(errorAnswer('malformed', { where: 'The body is not JSON in UTF-8.' }));
  }
}

/** Says where and what was expected, never what came: it may be a password. */
function check<Value>(schema: z.ZodType<Value> | undefined, value: unknown, place: 'path' | 'query' | 'body'): Value | undefined {
  if (schema === undefined) return undefined;
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const issues = checked.error.issues.slice(0, issuesShownMax).map(({ path, message }) => `${[place, ...path.map(String)].join('.')}: ${message}.`);
  throw new Ended(errorAnswer('malformed', { where: issues.join(' ') }));
}

function queryOf(search: string, lists: readonly string[]): Record<string, string | readonly string[]> {
  const query: Record<string, string | readonly string[]> = {};
  const given = new URLSearchParams(search);
  for (const name of new Set(given.keys())) {
    const values = given.getAll(name);
    query[name] = lists.includes(name) || values.length > 1 ? values : (values[0] as string);
  }
  return query;
}

function addressOf(request: HttpRequest, behindProxy: boolean): string {
  const forwarded = behindProxy ? request.headers['x-forwarded-for']?.split(',').at(-1)?.trim() : undefined;
  return forwarded === undefined || forwarded === '' ? request.address : forwarded;
}
