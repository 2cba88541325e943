// Why a service says no: a value, never an exception. src/transport/http/errors.ts gives each its status and its words.
import { StoreFull, StoreUnavailable } from '../store/faults.ts';

export type RefusedWhy =
  | 'handleTaken'
  | 'registrationClosed'
  | 'wrongPassword' // or no such handle: nobody is told which
  | 'tokenWrong'
  | 'tokenExpired'
  | 'tokenReused' // a refresh token that had been used before: its family is revoked, the device logged out
  | 'loggedOut'
  | 'noSuchDevice'
  | 'rateLimited'
  | 'busy';

export interface Refused {
  readonly refused: RefusedWhy;
  /** With `rateLimited` and `busy`. */
  readonly retryAfterMs?: number;
}

export function isRefused(answer: object | undefined): answer is Refused {
  return answer !== undefined && 'refused' in answer;
}

/** What a store's fault means to who asked; undefined for a bug. */
export function faultOf(thrown: unknown): 'storeFull' | 'unavailable' | undefined {
  if (thrown instanceof StoreFull) return 'storeFull';
  return thrown instanceof StoreUnavailable ? 'unavailable' : undefined;
}
