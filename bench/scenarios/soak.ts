// One-to-one at half of its maximum for half an hour: memory must not grow with what has passed.
import { oneToOne } from './one-to-one.ts';
import type { Scenario, TrafficLoad } from './scenario.ts';

export const soak: Scenario = {
  name: 'soak',
  says: 'one-to-one at half of the highest rate (or at --rate), for long; how fast the memory of the server grows',
  settings: oneToOne.settings,
  accounts: oneToOne.accounts,
  load: { kind: 'soak', traffic: oneToOne.load as TrafficLoad, windowMs: 30_000 },
  seconds: 1_800,
  shareOf: undefined,
};
