// What a connected session costs in memory while nothing happens.
import { type Scenario, settingOf } from './scenario.ts';

export const idle: Scenario = {
  name: 'idle',
  says: 'authenticated sessions that do nothing; resident memory of the server for each',
  settings: { sessions: { default: 10_000, min: 100, max: 15_000, says: 'connections, one user each' } },
  accounts: (values) => settingOf(values, 'sessions'),
  load: { kind: 'idle', settleMs: 5_000 },
  shareOf: 'rssPerSessionBytes',
};
