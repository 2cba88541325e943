// A server under load, as the scenarios see it: where it listens, what it speaks, who may log in, what its process uses.
import type { Account } from '../generator/device.ts';
import type { Endpoint } from '../generator/socket.ts';
import type { ProtocolName } from '../generator/speakers.ts';
import type { ServerSays } from './metrics.ts';

export interface Target {
  /** `parley`, `baseline`, or a peer. */
  readonly name: string;
  readonly transport: 'uws' | 'ws' | 'unknown';
  readonly protocol: ProtocolName;
  readonly endpoint: Endpoint;
  /** At least as many as the scenario asked for. */
  readonly accounts: readonly Account[];
  /** Of the server's process; undefined when it runs elsewhere: then nothing is said about processor and memory. */
  readonly pid: number | undefined;
  /** Messages for who is away are thrown away, whatever the protocol could do. */
  readonly keepsNothing?: boolean;
  /** What its metrics tell; null where it has none. */
  says(): Promise<ServerSays | null>;
  /** Why it is no longer there; undefined while it is. */
  endedWhy(): string | undefined;
  stop(): Promise<void>;
}
