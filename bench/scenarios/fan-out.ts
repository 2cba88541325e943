// Rooms in which any member, drawn anew for each message, writes to all others.
import { bodyHeadBytes } from '../generator/body.ts';
import { type Scenario, settingOf, type Values } from './scenario.ts';

const largeRoom = 1_000;
const isLarge = (values: Values): boolean => settingOf(values, 'members') >= largeRoom;

export const fanOut: Scenario = {
  name: 'fan-out',
  says: 'group chats; the highest rate of deliveries, or the latency at one rate of messages',
  settings: {
    rooms: { default: 1, min: 1, max: 1_000, says: 'group chats' },
    members: { default: 100, min: 2, max: 5_000, says: 'members of each, all connected' },
    body: { default: 100, min: bodyHeadBytes, max: 60_000, says: 'bytes of a message' },
  },
  accounts: (values) => settingOf(values, 'rooms') * settingOf(values, 'members'),
  load: {
    kind: 'traffic',
    chats: (values) => ({ count: settingOf(values, 'rooms'), members: settingOf(values, 'members'), direct: false }),
    p99MsMax: (values) => (isLarge(values) ? 500 : 100),
    restMsMax: (values) => (isLarge(values) ? 5 : 2),
    startRate: 100,
    rateMax: 1_000_000,
    half: false,
  },
  shareOf: 'deliveriesPerSecond',
};
