// A server under load, as the scenarios see it: where it listens, who may log in, what its process uses.
import type { Account } from '../generator/device.ts';
import type { Endpoint } from '../generator/socket.ts';

export interface Target {
  readonly name: 'parley' | 'baseline';
  readonly transport: 'uws' | 'ws' | 'unknown';
  readonly endpoint: Endpoint;
  /** Of a cluster: where the device of the nth account connects. */
  readonly endpointOf?: (nth: number) => Endpoint;
  /** At least as many as the scenario asked for. */
  readonly accounts: readonly Account[];
  /** Of the server's process; undefined when it runs elsewhere: then nothing is said about processor and memory. */
  readonly pid: number | undefined;
  /** Completed so far; null where the server does not tell. */
  fdatasyncs(): Promise<number | null>;
  /** Why it is no longer there; undefined while it is. */
  endedWhy(): string | undefined;
  stop(): Promise<void>;
}
