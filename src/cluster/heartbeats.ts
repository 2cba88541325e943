// How a node hears that others live, and tells them: over any link.
import type { ToAll } from './envelope.ts';
import type { Link, LinkEvents } from './link.ts';
import type { Heartbeat } from './view.ts';

/** How heartbeats travel. `membership.memory.ts` for tests; LinkHeartbeats over any link. */
export interface Heartbeats {
  /** To every other node; may get lost. */
  publishHeartbeat(heartbeat: Heartbeat): void;
  /** Those of others, and perhaps late ones. */
  onHeartbeat(hear: (heartbeat: Heartbeat) => void): void;
  /** Whether this node can reach others, at each change; true until then. */
  onLinked(hear: (isUp: boolean) => void): void;
}

/** Heartbeats over the link of a node, which is made later than its membership. */
export class LinkHeartbeats implements Heartbeats {
  link: Pick<Link, 'toAll'> | undefined;
  readonly #hearing: ((heartbeat: Heartbeat) => void)[] = [];
  readonly #linked: ((isUp: boolean) => void)[] = [];
  /** For whoever makes the link. */
  readonly events: Pick<LinkEvents, 'fromAll' | 'linked'> = {
    fromAll: (envelope: ToAll) => {
      if (envelope.kind === 'heartbeat') for (const hear of this.#hearing) hear(envelope);
    },
    linked: (isUp: boolean) => {
      for (const hear of this.#linked) hear(isUp);
    },
  };

  publishHeartbeat(heartbeat: Heartbeat): void {
    this.link?.toAll(heartbeat);
  }
  onHeartbeat(hear: (heartbeat: Heartbeat) => void): void {
    this.#hearing.push(hear);
  }
  onLinked(hear: (isUp: boolean) => void): void {
    this.#linked.push(hear);
  }
}
