// Upgrades on uWebSockets.js: at once, or, where many come together, each in its turn.
import { type Denied, tooMany } from './upgrade.ts';
import type { UwsRequest, UwsResponse } from './uws.d.ts';

export class NativeUpgrades {
  /** Connections whose request waits for its turn. */
  waiting = 0;
  readonly #subprotocol: string;
  readonly #admit: (open: () => void) => boolean;

  constructor(subprotocol: string, admit: (open: () => void) => boolean) {
    this.#subprotocol = subprotocol;
    this.#admit = admit;
  }

  /** For a request that nothing speaks against. */
  take(response: UwsResponse, request: UwsRequest, context: unknown): void {
    const key = request.getHeader('sec-websocket-key'); // the request is gone when this returns
    const upgrade = (): void => response.upgrade({}, key, this.#subprotocol, '', context);
    let state: 'asked' | 'waits' | 'done' = 'asked';
    const open = (): void => {
      if (state === 'waits') {
        this.waiting -= 1;
        response.cork(upgrade);
      } else if (state === 'asked') upgrade();
      state = 'done';
    };
    if (!this.#admit(open)) return answer(response, tooMany);
    if ((state as string) === 'done') return;
    state = 'waits';
    this.waiting += 1;
    response.onAborted(() => {
      if (state === 'waits') this.waiting -= 1;
      state = 'done';
    });
  }
}

export function answer(response: UwsResponse, { status, title, says, header }: Denied): void {
  response.writeStatus(`${status} ${title}`).writeHeader('Content-Type', 'text/plain; charset=utf-8');
  if (header !== undefined) response.writeHeader(header[0], header[1]);
  response.end(`${says}\n`, true);
}
