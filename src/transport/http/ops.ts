// What the operator's machines ask: alive, ready, metrics. On a listener of its own, not for the public.
import { isAbsolute } from 'node:path';
import { type HttpAnswer, json, type RequestHandler } from './exchange.ts';

export interface OpsNeeds {
  /** Why this node should get no new devices just now; none: it is ready. */
  readonly ready: () => readonly string[];
  /** In Prometheus' text form. */
  readonly metricsText: () => string | Promise<string>;
  readonly log: { error(fields: object, text: string): void };
  /** Copies the store into an empty or new directory on this machine, while it serves. */
  readonly backup?: (to: string) => Promise<void>;
}

export function httpOps({ ready, metricsText, log, backup }: OpsNeeds): RequestHandler {
  const paths: Record<string, () => HttpAnswer | Promise<HttpAnswer>> = {
    '/healthz': () => json(200, { alive: true }),
    '/readyz'() {
      const reasons = ready();
      return json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
    },
    '/metrics': async () => ({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: await metricsText() }),
  };
  return async ({ method, target }) => {
    const [path = '', search = ''] = target.split('?', 2);
    if (path === '/backup' && backup !== undefined) return backUp(method, new URLSearchParams(search).get('to') ?? '', backup);
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

async function backUp(method: string, to: string, backup: (to: string) => Promise<void>): Promise<HttpAnswer> {
  if (method !== 'POST') return json(405, { code: 'methodNotAllowed', says: 'Use POST.' }, { allow: 'POST' });
  if (!isAbsolute(to)) return json(400, { code: 'malformed', says: 'Name an absolute directory on the server: /backup?to=/somewhere/new' });
  try {
    await backup(to);
    return json(200, { to });
  } catch (error) {
    return json(409, { code: 'backupFailed', says: (error as Error).message });
  }
}
