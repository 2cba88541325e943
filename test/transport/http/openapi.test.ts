// The OpenAPI document and the routes say the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { httpErrors } from '../../../src/transport/http/errors.ts';
import { type Answered, newcomer, password, type Served, serve } from './served.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Json } } };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: { readonly 'application/json': { readonly schema: Json } } }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

async function documentOf({ ask }: Served): Promise<Document> {
  const { status, body } = await ask('GET', '/openapi.json');
  assert.equal(status, 200);
  return body as Document;
}

function operationsOf(document: Document): readonly { readonly method: string; readonly path: string; readonly operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })));
}

/** The schema with what it refers to put in its place. */
function resolved(document: Document, schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((part) => resolved(document, part));
  if (typeof schema !== 'object' || schema === null) return schema;
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '');
    assert.ok(name in document.components.schemas, `${String(schema.$ref)} exists`);
    return resolved(document, document.components.schemas[name]);
  }
  return Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, resolved(document, part)]));
}

/** Throws unless the answer is one that the document names for the operation, and of the form it gives. */
function checkAnswer(document: Document, operation: Operation, { status, body }: Answered): void {
  const response = operation.responses[status];
  assert.ok(response, `${operation.operationId} names ${status}`);
  const schema = response.content?.['application/json'].schema;
  if (schema === undefined) return assert.ok(status === 204 ? body === '' : operation.operationId === 'document');
  z.fromJSONSchema(resolved(document, schema) as never).parse(body);
  if (status >= 400) assert.ok(response.description.includes(`\`${body.code}\``), `${operation.operationId} names ${body.code}`);
}

test('the document is OpenAPI 3.1 and every operation has a name of its own', async (t) => {
  const document = await documentOf(await serve(t));
  assert.match(document.openapi, /^3\.1\./);
  const names = operationsOf(document).map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, names.length);
});

test('the document names exactly the routes that there are', async (t) => {
  const served = await serve(t);
  const document = await documentOf(served);
  const named = operationsOf(document)
    .map(({ method, path }) => `${method} ${path}`)
    .sort();
  assert.deepEqual(named, [
    'DELETE /v1/devices/{deviceId}',
    'DELETE /v1/sessions',
    'GET /openapi.json',
    'GET /v1/devices',
    'GET /v1/server',
    'GET /v1/users',
    'POST /v1/sessions',
    'POST /v1/sessions/refresh',
    'POST /v1/users',
  ]);
  for (const path of Object.keys(document.paths)) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status } = await served.ask(method, path.replace('{deviceId}', `d${'x'.repeat(20)}`));
      assert.equal(status !== 404 && status !== 405, named.includes(`${method} ${path}`), `${method} ${path}`);
    }
  }
});

test('answers are of the form that the document gives, good ones and refusals', async (t) => {
  const served = await serve(t);
  const document = await documentOf(served);
  const first = await newcomer(served, 'ann');
  const other = (await served.ask('POST', '/v1/sessions', { body: { handle: 'ann', password, deviceName: 'laptop' } })).body;
  const token = first.accessToken;
  const account = { handle: 'bob', password, deviceName: 'phone' };
  const asked: Record<string, readonly { readonly path: string; readonly more: object }[]> = {
    register: [
      { path: '/v1/users', more: { body: account } },
      { path: '/v1/users', more: { body: account } },
      { path: '/v1/users', more: { body: {} } },
    ],
    logIn: [
      { path: '/v1/sessions', more: { body: account } },
      { path: '/v1/sessions', more: { body: { ...account, password: 'wrong horse' } } },
    ],
    refresh: [
      { path: '/v1/sessions/refresh', more: { body: { refreshToken: first.refreshToken } } },
      { path: '/v1/sessions/refresh', more: { body: { refreshToken: 'x' } } },
    ],
    findUsers: [
      { path: '/v1/users?handle=ann', more: { token } },
      { path: '/v1/users', more: { token } },
    ],
    listDevices: [
      { path: '/v1/devices', more: { token } },
      { path: '/v1/devices', more: {} },
    ],
    revokeDevice: [
      { path: `/v1/devices/${other.deviceId}`, more: { token } },
      { path: `/v1/devices/d${'x'.repeat(20)}`, more: { token } },
    ],
    describeServer: [
      { path: '/v1/server', more: {} },
      { path: '/v1/server', more: { headers: { origin: 'https://evil.example' } } },
    ],
    logOut: [
      { path: '/v1/sessions', more: { token } },
      { path: '/v1/sessions', more: { token } },
    ],
    document: [{ path: '/openapi.json', more: {} }],
  };
  const operations = operationsOf(document);
  assert.deepEqual(Object.keys(asked).sort(), operations.map(({ operation }) => operation.operationId).sort());
  for (const [operationId, requests] of Object.entries(asked)) {
    const { method = '', operation } = operations.find((each) => each.operation.operationId === operationId) ?? {};
    for (const [at, { path, more }] of requests.entries()) {
      const answer = await served.ask(method, path, more);
      checkAnswer(document, operation as Operation, answer);
      if (at === 0) assert.ok(answer.status < 300, `${operationId}: ${JSON.stringify(answer.body)}`);
    }
  }
});

test('what the document calls a good body is taken, and what it calls bad is refused', async (t) => {
  const served = await serve(t);
  const document = await documentOf(served);
  const register = document.paths['/v1/users']?.['post'];
  assert.ok(register?.requestBody);
  const schema = z.fromJSONSchema(resolved(document, register.requestBody.content['application/json'].schema) as never);
  const good = { handle: 'ann', password, deviceName: 'phone' };
  const bodies: unknown[] = [
    good,
    { ...good, handle: 'x' },
    { ...good, handle: 'a'.repeat(32) },
    { ...good, password: 'short' },
    { ...good, deviceName: 7 },
    { ...good, name: '' },
    { handle: 'cid', password },
    [],
    null,
  ];
  for (const body of bodies) assert.equal((await served.ask('POST', '/v1/users', { body })).status === 201, schema.safeParse(body).success, JSON.stringify(body));
});

test('only the operations that need a token say so', async (t) => {
  const served = await serve(t);
  const { accessToken } = await newcomer(served);
  assert.ok(accessToken);
  for (const { method, path, operation } of operationsOf(await documentOf(served))) {
    const { body } = await served.ask(method, path.replace('{deviceId}', `d${'x'.repeat(20)}`));
    assert.equal(body.code === 'tokenWrong', operation.security !== undefined, operation.operationId);
  }
});

test('every error that exists can come from somewhere that the document names, or is about the route itself', async (t) => {
  const document = JSON.stringify(await documentOf(await serve(t)));
  for (const code of Object.keys(httpErrors)) assert.equal(document.includes(`\`${code}\``), code !== 'noSuchRoute' && code !== 'methodNotAllowed', code);
});
