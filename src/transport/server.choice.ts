// Which socket server this process uses: the native one where it loads, else `ws`, which keeps the same contract more slowly.
import { loadUws } from './load.uws.ts';
import type { ListenSockets } from './server.ts';
import { uwsServer } from './server.uws.ts';
import { listenWs } from './server.ws.ts';

export type TransportWanted = 'auto' | 'uws' | 'ws';

export interface ChosenTransport {
  readonly transport: 'uws' | 'ws';
  /** The package behind it, for the log line at the start. */
  readonly library: string;
  readonly listen: ListenSockets;
  /** Why it is the slower one although nobody asked for it. */
  readonly fallbackBecause?: string;
}

/** Throws only when 'uws' is wanted and does not load. */
export function chooseTransport(wanted: TransportWanted, load: typeof loadUws = loadUws): ChosenTransport {
  if (wanted === 'ws') return { transport: 'ws', library: 'ws', listen: listenWs };
  try {
    const { uws, library } = load();
    return { transport: 'uws', library, listen: uwsServer(uws) };
  } catch (error) {
    if (wanted === 'uws') throw error;
    return { transport: 'ws', library: 'ws', listen: listenWs, fallbackBecause: (error as Error).message };
  }
}
