// One HTTP request and its answer, as the routes see them: server.node.ts brings and takes them.

export interface HttpRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  /** Names in lower case; of a header that came several times, what Node makes of it. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Of the peer of the connection: perhaps a proxy's. */
  readonly address: string;
  /** To be called once. `tooBig`: over the listener's limit; `gone`: the peer left before it was whole. */
  body(): Promise<Uint8Array | 'tooBig' | 'gone'>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers, whatever comes; never rejects. */
export type RequestHandler = (request: HttpRequest) => Promise<HttpAnswer>;

export function json(status: number, value: object, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
    body: JSON.stringify(value),
  };
}
