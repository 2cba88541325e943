// The OpenAPI 3.1 document, made from the routes themselves.
import { z } from 'zod';
import { type ErrorCode, httpErrors } from './errors.ts';
import type { Route } from './route.ts';
import { components, ErrorBody } from './schemas.ts';

type Json = Record<string, unknown>;

const anyRoute: readonly ErrorCode[] = ['malformed', 'originForbidden', 'rateLimited', 'internal', 'busy', 'unavailable', 'storeFull'];
const bodyRoute: readonly ErrorCode[] = ['tooBig', 'notJson'];
const bearerRoute: readonly ErrorCode[] = ['tokenWrong', 'tokenExpired', 'loggedOut'];

/** Every error that the route may answer with. */
export function errorsOf(route: Route): readonly ErrorCode[] {
  return [...new Set([...anyRoute, ...(route.body ? bodyRoute : []), ...(route.bearer ? bearerRoute : []), ...route.errors])];
}

export function openApi(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = paths[route.template] ?? {};
    path[route.method.toLowerCase()] = operation(route);
    paths[route.template] = path;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Parley', version: '1', description: 'Accounts, devices and users. Messages travel over the WebSocket that /v1/server names.' },
    paths,
    components: { schemas: schemas(), securitySchemes: { accessToken: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(route: Route): Json {
  const parameters = [...parametersIn('path', route.path), ...parametersIn('query', route.query)];
  return {
    operationId: route.operationId,
    summary: route.says,
    ...(route.bearer && { security: [{ accessToken: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: content(route.body) } }),
    responses: { [route.answer.status]: { description: 'Done.', ...(route.answer.schema && { content: content(route.answer.schema) }) }, ...errorResponses(route) },
  };
}

function errorResponses(route: Route): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) byStatus.set(httpErrors[code].status, [...(byStatus.get(httpErrors[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, { description: codes.map((code) => `\`${code}\`: ${httpErrors[code].says}`).join(' '), content: content(ErrorBody) }]),
  );
}

function parametersIn(place: 'path' | 'query', schema: z.ZodType | undefined): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = plain(z.toJSONSchema(schema, { io: 'input' })) as { properties?: Record<string, Json>; required?: readonly string[] };
  return Object.entries(properties).map(([name, of]) => ({ name, in: place, required: required.includes(name), schema: of }));
}

function content(schema: z.ZodType): Json {
  const id = components.get(schema)?.id;
  return { 'application/json': { schema: id === undefined ? plain(z.toJSONSchema(schema, { io: 'input' })) : { $ref: `#/components/schemas/${id}` } } };
}

function schemas(): Json {
  const made = z.toJSONSchema(components, { uri: (id) => `#/components/schemas/${id}`, io: 'input' }).schemas as Record<string, Json>;
  return Object.fromEntries(Object.entries(made).map(([id, schema]) => [id, plain(schema)]));
}

function plain({ $schema: _dialect, $id: _id, ...schema }: Json): Json {
  return schema;
}
