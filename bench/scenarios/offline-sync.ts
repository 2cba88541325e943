// How long a returning device waits until it has all that it missed.
import { bodyHeadBytes } from '../generator/body.ts';
import type { Scenario } from './scenario.ts';

const devices = 50;
const warmUp = 10;

export const offlineSync: Scenario = {
  name: 'offline-sync',
  says: 'messages sent while a device was away; from its connect to the last of them',
  settings: {
    messages: { default: 1_000, min: 1, max: 10_000, says: 'missed by each device' },
    body: { default: 100, min: bodyHeadBytes, max: 60_000, says: 'bytes of a message' },
  },
  accounts: () => 2 * devices,
  load: { kind: 'offlineSync', devices, warmUp },
  shareOf: undefined,
};
