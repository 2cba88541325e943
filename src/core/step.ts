// What every machine answers: the state after a command, and what is to be done about it, in order.
import type { DeviceId, UserId } from '../structures/ids.ts';

export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Who sent a command, and where the answer goes. */
export interface Origin {
  /** The node that holds the socket. */
  readonly node: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** For the default branch of a switch over a union: TypeScript refuses it while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
