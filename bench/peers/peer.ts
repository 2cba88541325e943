// What a peer is: a server of another make, driven by the same scenarios. Each has a folder here: how it is started, and what it speaks.
import type { Target } from '../targets/target.ts';

export interface PeerOptions {
  /** So many users, or connections, at most. */
  readonly accounts: number;
  /** The core that the server is pinned to; undefined: wherever the system puts it. */
  readonly core: number | undefined;
  /** A folder of its own, that is removed when the run is over. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export interface Peer {
  readonly name: string;
  /** What was measured: how it was set up, what it promises and what not. */
  readonly says: string;
  /** Throws NoProgram where it is not there and cannot be installed; the message says how. Throws StartFailed. */
  start(options: PeerOptions): Promise<Started>;
}

export interface Started {
  readonly target: Target;
  readonly version: string;
}
