// How the client says no. Everything else that it throws is a bug.
import type { Refused as RefusedFrame } from '../protocol/connection.ts';
import { type Action, refusals, type Why, whyOf } from '../protocol/errors.ts';

/** The server, or this client on its behalf, does not let it through. */
export class Refused extends Error {
  /** The name of the code; one that this version does not know comes as the server spells it. */
  readonly why: Why | (string & {});
  readonly code: number;
  readonly action: Action;
  readonly retryAfterMs: number | null;
  readonly highest: number | null;

  constructor({ code, why, says, retryAfterMs, highest }: Pick<RefusedFrame, 'code' | 'why' | 'says' | 'retryAfterMs' | 'highest'>) {
    super(says);
    this.name = 'Refused';
    const known = whyOf(code);
    this.why = known ?? why;
    this.code = code;
    this.action = known === undefined ? (retryAfterMs === null ? 'never' : 'later') : refusals[known].action;
    this.retryAfterMs = retryAfterMs;
    this.highest = highest;
  }
}

export function refusedAs(why: Why): Refused {
  const { code, says } = refusals[why];
  return new Refused({ code, why, says, retryAfterMs: null, highest: null });
}

/** There is no connection, or it went before the answer came. */
export class NotConnected extends Error {}

/** The connection stands, but no answer came in time. */
export class Unanswered extends Error {}

/** The outbox, or the queue of requests, holds as much as it takes. */
export class TooMuchWaiting extends Error {}

/** This client was closed. What is in the outbox stays there and goes out next time. */
export class Closed extends Error {}

/** This device is logged out: its tokens are good no more. */
export class LoggedOut extends Error {}
