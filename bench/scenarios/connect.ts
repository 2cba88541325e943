// What it costs to let a device in: TCP, upgrade, token, welcome.
import { type Scenario, settingOf } from './scenario.ts';

const load = { kind: 'connect', inFlight: 128, rounds: 2, warmUp: 500 } as const;

export const connect: Scenario = {
  name: 'connect',
  says: 'authenticated connects; how many a second of the server’s processor brings',
  settings: { sessions: { default: 10_000, min: 100, max: 15_000, says: 'connects in all, each of another user' } },
  accounts: (values) => load.warmUp + load.rounds * settingOf(values, 'sessions'), // another token for each connect: one that comes again is not verified again
  load,
  shareOf: 'connectsPerServerCpuSecond',
};
