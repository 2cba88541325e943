// What a route is: data from which requests are checked, answered and documented.
import type { z } from 'zod';
import type { RateName } from '../../services/rate-limits.ts';
import type { Refused } from '../../services/refused.ts';
import type { Verified } from '../../services/tokens.ts';
import type { ErrorCode } from './errors.ts';

/** A request that has passed the route's checks. */
export interface Asked<Body, Query, Path, Who> {
  readonly body: Body;
  readonly query: Query;
  readonly path: Path;
  readonly who: Who;
  /** Of the device, as far as proxies can be trusted to tell. */
  readonly address: string;
  readonly host: string | undefined;
}

interface Described {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{name}` stands for one part of the path, checked by `path`. */
  readonly template: string;
  readonly operationId: string;
  readonly says: string;
  /** What a good answer is; 204 has no schema. */
  readonly answer: { readonly status: 200 | 201 | 204; readonly schema?: z.ZodType };
  /** Beyond those that any route may give. */
  readonly errors: readonly ErrorCode[];
  /** Counted by user where there is one, else by address. What services count themselves is not named here. */
  readonly rate?: RateName;
  /** Names in the query that may come several times. */
  readonly lists?: readonly string[];
}

interface Checks<Body, Query, Path> {
  readonly body?: z.ZodType<Body>;
  readonly query?: z.ZodType<Query>;
  readonly path?: z.ZodType<Path>;
}

type Answering<Body, Query, Path, Who> = (asked: Asked<Body, Query, Path, Who>) => Promise<object | Refused | undefined>;

export interface Route extends Described, Checks<unknown, unknown, unknown> {
  readonly bearer: boolean;
  readonly handle: Answering<unknown, unknown, unknown, unknown>;
}

/** A route that anyone may use. */
export function open<Body = undefined, Query = undefined, Path = undefined>(
  definition: Described & Checks<Body, Query, Path> & { readonly handle: Answering<Body, Query, Path, undefined> },
): Route {
  return { ...definition, bearer: false, handle: definition.handle as Route['handle'] };
}

/** A route for who brings a good access token of a device that is logged in. */
export function bearer<Body = undefined, Query = undefined, Path = undefined>(
  definition: Described & Checks<Body, Query, Path> & { readonly handle: Answering<Body, Query, Path, Verified> },
): Route {
  return { ...definition, bearer: true, handle: definition.handle as Route['handle'] };
}

/** The route for a path, with what stands in the places of its `{names}`; else the methods that the path takes, none for an unknown path. */
export function findRoute(routes: readonly Route[], method: string, path: string): { readonly route: Route; readonly path: Record<string, string> } | readonly string[] {
  const allowed: string[] = [];
  for (const route of routes) {
    const places = placesOf(route.template, path);
    if (places === undefined) continue;
    if (route.method === method) return { route, path: places };
    allowed.push(route.method);
  }
  return allowed;
}

function placesOf(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const places: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] as string;
    if (part.startsWith('{')) places[part.slice(1, -1)] = value;
    else if (part !== value) return undefined;
  }
  return places;
}
