// Connections as uWebSockets.js accepts them: read at once, or, where many come together, each in its turn; and the answer to what they ask.
import { atOnce, type SocketServerOptions } from './server.ts';
import { type Denied, denied, plainHttp, tooMany, type UpgradeRules, upgradeRules } from './upgrade.ts';
import type { UwsRequest, UwsResponse } from './uws.d.ts';

interface Asked {
  readonly response: UwsResponse;
  readonly request: UwsRequest;
  readonly context: unknown;
}

/**
 * A connection whose turn has not come is not read: what it asks waits in the system, and costs nothing before. To answer an upgrade later than within its request would be the
 * library's own way, and cannot be done: `cork`, without which an upgrade takes two dozen writes, closes one socket in some ten thousand that way, by memory that it has given back
 * (uNetworking/uWebSockets, pull request 1929).
 */
export class NativeArrivals {
  /** Connections that wait for their turn. One whose peer has gone counts until then: nobody looks. */
  waiting = 0;
  /**
   * Connections for which there was no place in the line, and whose request has not been answered with that yet. A request does not say which connection it came by: as many are asked to
   * come later as found no place, not always the same.
   */
  #surplus = 0;
  readonly #rules: UpgradeRules;
  readonly #admit: (open: () => void) => boolean;

  constructor(options: SocketServerOptions) {
    this.#rules = upgradeRules(options);
    this.#admit = options.admit ?? atOnce;
  }

  /** A connection has come, beside so many. */
  accepted(connection: UwsResponse, connections: number): void {
    if (connections >= this.#rules.connectionsMax) return; // it need not wait to be told so
    let state: 'accepted' | 'waits' | 'done' = 'accepted';
    const open = (): void => {
      if (state === 'waits') {
        this.waiting -= 1;
        connection.resume();
      }
      state = 'done';
    };
    if (!this.#admit(open)) {
      this.#surplus += 1;
      connection.onAborted(() => this.#isSurplus()); // gone without a request
      return;
    }
    if ((state as string) === 'done') return;
    state = 'waits';
    this.waiting += 1;
    connection.pause();
    connection.onAborted(() => {
      if (state === 'waits') this.waiting -= 1;
      state = 'done';
    });
  }

  upgrade({ response, request, context }: Asked, connections: number, accepting: boolean): void {
    const { subprotocol } = this.#rules;
    if (this.#isSurplus()) return answer(response, tooMany);
    const refusal = denied(this.#rules, { origin: request.getHeader('origin'), offered: request.getHeader('sec-websocket-protocol'), connections, accepting });
    if (refusal === undefined) response.upgrade({}, request.getHeader('sec-websocket-key'), subprotocol, '', context);
    else answer(response, refusal);
  }

  /** A request that wants no upgrade. */
  plain(response: UwsResponse): void {
    answer(response, this.#isSurplus() ? tooMany : plainHttp);
  }

  #isSurplus(): boolean {
    if (this.#surplus === 0) return false;
    this.#surplus -= 1;
    return true;
  }
}

function answer(response: UwsResponse, { status, title, says, header }: Denied): void {
  response.writeStatus(`${status} ${title}`).writeHeader('Content-Type', 'text/plain; charset=utf-8');
  if (header !== undefined) response.writeHeader(header[0], header[1]);
  response.end(`${says}\n`, true);
}
