// What operators and their machines ask: alive, ready, metrics, and what the wiring offers beside it. On a listener of its own, not for the public.
import { type HttpAnswer, json, type RequestHandler } from './exchange.ts';

/** Gets the parameters behind the ?. */
export type OpsRoute = (parameters: URLSearchParams) => HttpAnswer | Promise<HttpAnswer>;

export interface OpsNeeds {
  /** Why this node should get no new devices just now; none: it is ready. */
  readonly ready: () => readonly string[];
  /** In Prometheus' text form. */
  readonly metricsText: () => string | Promise<string>;
  readonly log: { error(fields: object, text: string): void };
  /** Further questions, by path. */
  readonly gets?: Readonly<Record<string, OpsRoute>>;
  /** What the node shall do, by path. */
  readonly posts?: Readonly<Record<string, OpsRoute>>;
}

export function httpOps({ ready, metricsText, log, gets = {}, posts = {} }: OpsNeeds): RequestHandler {
  const questions: Readonly<Record<string, OpsRoute>> = {
    '/healthz': () => json(200, { alive: true }),
    '/readyz'() {
      const reasons = ready();
      return json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
    },
    '/metrics': async () => ({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: await metricsText() }),
    ...gets,
  };
  return async ({ method, target }) => {
    const [path = '', search = ''] = target.split('?', 2);
    const isQuestion = Object.hasOwn(questions, path);
    if (!isQuestion && !Object.hasOwn(posts, path)) return json(404, { code: 'noSuchRoute', says: `There are ${[...Object.keys(questions), ...Object.keys(posts)].join(', ')}.` });
    if (isQuestion && method !== 'GET' && method !== 'HEAD') return json(405, { code: 'methodNotAllowed', says: 'Use GET.' }, { allow: 'GET, HEAD' });
    if (!isQuestion && method !== 'POST') return json(405, { code: 'methodNotAllowed', says: 'Use POST.' }, { allow: 'POST' });
    try {
      return await ((isQuestion ? questions : posts)[path] as OpsRoute)(new URLSearchParams(search));
    } catch (thrown) {
      log.error({ path, err: thrown }, 'an operator request failed');
      return json(500, { code: 'internal', says: 'The server failed on this request; see its log.' });
    }
  };
}
