// What it costs to let a device in: TCP, upgrade, token, welcome.
import { type Scenario, settingOf } from './scenario.ts';

export const connect: Scenario = {
  name: 'connect',
  says: 'authenticated connects; how many a second of the server’s processor brings',
  settings: { sessions: { default: 10_000, min: 100, max: 15_000, says: 'connects in all, each of another user' } },
  accounts: (values) => settingOf(values, 'sessions'),
  load: { kind: 'connect', inFlight: 128, rounds: 2 },
  shareOf: 'connectsPerServerCpuSecond',
};
