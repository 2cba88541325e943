// What the operator's machines ask is answered truly.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpOps, type OpsNeeds } from '../../../src/transport/http/ops.ts';
import { listenHttp } from '../../../src/transport/http/server.node.ts';
import { type Answered, ask } from './served.ts';

async function ops(t: TestContext, needs: Partial<OpsNeeds> = {}): Promise<{ get(path: string, method?: string): Promise<Answered>; logged: string[] }> {
  const logged: string[] = [];
  const handler = httpOps({ ready: () => [], metricsText: () => 'parley_sessions 7\n', log: { error: (_fields, text) => logged.push(text) }, ...needs });
  const { port, close } = await listenHttp({ host: '127.0.0.1', port: 0, handler });
  t.after(close);
  return { get: (path, method = 'GET') => ask(port, method, path), logged };
}

test('a process that answers is alive', async (t) => {
  const { get } = await ops(t, { ready: () => ['draining'] });
  assert.deepEqual([(await get('/healthz')).status, (await get('/healthz')).body], [200, { alive: true }]);
});

test('a node is ready while it gives no reason against it, and says its reasons', async (t) => {
  const reasons: string[] = [];
  const { get } = await ops(t, { ready: () => reasons });
  assert.deepEqual([(await get('/readyz')).status, (await get('/readyz')).body], [200, { ready: true, reasons: [] }]);
  reasons.push('the disk is full', 'draining');
  const not = await get('/readyz');
  assert.deepEqual([not.status, not.body], [503, { ready: false, reasons: ['the disk is full', 'draining'] }]);
  reasons.length = 0;
  assert.equal((await get('/readyz')).status, 200);
});

test('metrics are text in the form of Prometheus', async (t) => {
  const { status, headers, body } = await (await ops(t)).get('/metrics');
  assert.deepEqual([status, body], [200, 'parley_sessions 7\n']);
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
});

test('metrics that fail are a fault in the log, not a silence', async (t) => {
  const { get, logged } = await ops(t, { metricsText: () => Promise.reject(new Error('no metrics')) });
  assert.equal((await get('/metrics')).status, 500);
  assert.equal(logged.length, 1);
});

test('there is nothing else, and nothing to change', async (t) => {
  const { get } = await ops(t);
  for (const path of ['/', '/v1/users', '/constructor', '/__proto__']) assert.equal((await get(path)).status, 404, path);
  assert.equal((await get('/healthz', 'POST')).status, 405);
  assert.equal((await get('/healthz', 'HEAD')).status, 200);
});

test('what else there is to ask and to do comes with its own paths and methods', async (t) => {
  const json = (body: object) => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const { get } = await ops(t, { gets: { '/cluster': () => json({ nodes: 3 }) }, posts: { '/drain': (parameters) => json({ drains: parameters.get('node') }) } });
  assert.deepEqual((await get('/cluster')).body, { nodes: 3 });
  assert.deepEqual((await get('/drain?node=n2', 'POST')).body, { drains: 'n2' });
  assert.deepEqual([(await get('/drain')).status, (await get('/cluster', 'POST')).status], [405, 405]);
});
