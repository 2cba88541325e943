// The driver keeps up a connection that tells it of the nodes of the store. Where that one goes while it is being renewed, the driver (4.10) stumbles over its absence in a job that nobody
// waits for: Node would end the process. Here the job is heard, and done again. Connections that have ended, which it goes on asking for a sign of life, are let go.
import { createRequire } from 'node:module';

/** What the driver does not tell of: its control connection. */
export interface Upkeep {
  _refresh(...hosts: readonly unknown[]): Promise<void>;
  readonly _isShuttingDown: boolean;
}

const againMs = 1_000;

/** From now on a failed renewal rejects to nobody; it is tried again until it succeeds or the driver is shut down. */
export function keepUp(upkeep: Upkeep, later: (job: () => void, ms: number) => unknown = (job, ms) => setTimeout(job, ms).unref()): void {
  const refresh = upkeep._refresh.bind(upkeep);
  upkeep._refresh = async (...hosts) => {
    try {
      await refresh(...hosts);
    } catch {
      if (!upkeep._isShuttingDown) later(() => void upkeep._refresh(), againMs);
    }
  };
}

/** What it does not tell of its connections. */
export interface Beating {
  readonly isSocketOpen: boolean;
  /** Asks whether the other side is there, and when to ask again. */
  _idleTimeoutHandler(): void;
}
const { prototype: connections } = createRequire(import.meta.url)('cassandra-driver/lib/connection.js') as { readonly prototype: Beating };

/** A request that is written as its connection ends begins the heartbeat of that connection anew, which then waits for the answer to itself for ever: a timer, and all that hangs on it, each time. */
const beat = connections._idleTimeoutHandler;
connections._idleTimeoutHandler = function (this: Beating) {
  if (this.isSocketOpen) beat.call(this);
};
