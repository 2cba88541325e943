// All devices of a node come back at once, as after its restart, and others go on talking.
import { bodyHeadBytes } from '../generator/body.ts';
import { oneToOne } from './one-to-one.ts';
import { type Scenario, settingOf, type TrafficLoad } from './scenario.ts';

const othersPairs = 100;

export const reconnectStorm: Scenario = {
  name: 'reconnect-storm',
  says: 'sessions that all come back at once, each to 20 chats of which 3 have moved; until all have what they missed, and the latency of others meanwhile',
  settings: {
    sessions: { default: 10_000, min: 100, max: 15_000, says: 'that come back' },
    body: { default: 100, min: bodyHeadBytes, max: 60_000, says: 'bytes of a message' },
  },
  accounts: (values) => settingOf(values, 'sessions') + 2 * othersPairs,
  load: {
    kind: 'storm',
    chats: 20,
    changed: 3,
    spreadMs: 500,
    others: { ...(oneToOne.load as TrafficLoad), chats: () => ({ count: othersPairs, members: 2, direct: true }), half: false },
    othersRate: 1_000,
    patienceMs: 60_000,
  },
  shareOf: undefined,
};
