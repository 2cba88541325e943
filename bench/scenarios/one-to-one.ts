// Pairs of users who write to each other: either of the two, drawn anew for each message.
import { bodyHeadBytes } from '../generator/body.ts';
import { type Scenario, settingOf } from './scenario.ts';

export const oneToOne: Scenario = {
  name: 'one-to-one',
  says: 'direct chats; the highest rate of messages, or the latency at one',
  settings: {
    pairs: { default: 500, min: 1, max: 5_000, says: 'direct chats, two connections each' },
    body: { default: 100, min: bodyHeadBytes, max: 60_000, says: 'bytes of a message' },
  },
  accounts: (values) => 2 * settingOf(values, 'pairs'),
  load: {
    kind: 'traffic',
    chats: (values) => ({ count: settingOf(values, 'pairs'), members: 2, direct: true }),
    p99MsMax: () => 100,
    restMsMax: () => 2,
    startRate: 2_000,
    rateMax: 1_000_000,
    half: true,
  },
  shareOf: 'messagesPerSecond',
};
