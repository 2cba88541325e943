// What the operator's machines ask: alive, ready, metrics. On a listener of its own, not for the public.
import { type HttpAnswer, json, type RequestHandler } from './exchange.ts';

export interface OpsNeeds {
  /** Why this node should get no new devices just now; none: it is ready. */
  readonly ready: () => readonly string[];
  /** In Prometheus' text form. */
  readonly metricsText: () => string | Promise<string>;
  readonly log: { error(fields: object, text: string): void };
}

export function httpOps({ ready, metricsText, log }: OpsNeeds): RequestHandler {
  const paths: Record<string, () => HttpAnswer | Promise<HttpAnswer>> = {
    '/healthz': () => json(200, { alive: true }),
    '/readyz'() {
      const reasons = ready();
      return json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
    },
    '/metrics': async () => ({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: await metricsText() }),
  };
  return async ({ method, target }) => {
    const path = target.split('?', 1)[0] ?? '';
    const answer = Object.hasOwn(paths, path) ? paths[path] : undefined;
    if (answer === undefined) return json(404, { code: 'noSuchRoute', says: `There are ${Object.keys(paths).join(', ')}.` });
    if (method !== 'GET' && method !== 'HEAD') return json(405, { code: 'methodNotAllowed', says: 'Use GET.' }, { allow: 'GET, HEAD' });
    try {
      return await answer();
    } catch (thrown) {
      log.error({ path, err: thrown }, 'an operator request failed');
      return json(500, { code: 'internal', says: 'The server failed on this request; see its log.' });
    }
  };
}
