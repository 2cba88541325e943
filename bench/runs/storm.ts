// The run of the reconnect storm: chats are filled while their sessions are away; then all come back at once, and others talk meanwhile.
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import type { Measured } from '../figures.ts';
import { bodyHeadBytes, isBodyHead, writeBodyHead } from '../generator/body.ts';
import { type Account, Device, DeviceFailed } from '../generator/device.ts';
import { atPriority } from '../generator/priority.ts';
import { seededRandom } from '../generator/schedule.ts';
import { eachOf } from '../generator/speaker.ts';
import { type StormLoad, settingOf } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';
import type { Side } from './side.ts';
import { generatorBusyWhy, measuredOf } from './summary.ts';
import { bringUp, type TrafficRun } from './traffic.ts';

export interface StormRun extends TrafficRun {
  readonly storm: StormLoad;
}

interface Tally {
  converged: number;
  received: number;
  lost: number;
  doubled: number;
  retries: number;
}

/** Of a chat that was filled: who wrote, and where the first and the last message stand. */
interface Filled {
  readonly author: number;
  readonly first: number;
  readonly last: number;
}

/** One session's chats and how far it has got in each. */
type Cursors = ReadonlyMap<ChatId, number>;

const fillingAtOnce = 64;
const calmMs = 5_000;
/** Those who are measured come first, on a core that they share with us. */
const niceness = 10;
const retryMsMin = 500; // as the SDK's policy has it
const retryMsMax = 30_000;

export async function runStorm(target: Target, run: StormRun): Promise<Measured> {
  const { storm, values, news, seed } = run;
  const sessions = settingOf(values, 'sessions');
  const accounts = target.accounts.slice(0, sessions);
  const bodyBytes = settingOf(values, 'body');
  news.say(`${target.name}: ${(sessions * storm.chats) / 2} chats are filled for ${sessions} sessions`);
  const filled = new Map<ChatId, Filled>();
  await eachOf(accounts, fillingAtOnce, (_, at) => fill(target, accounts, at, storm, bodyBytes, filled));
  const devices = new Set<Device>(); // they stay until the others have been measured: that so many go at once is another matter
  const side = await bringUp({ ...target, accounts: target.accounts.slice(sessions) }, { ...run, apart: true });
  try {
    const window = { rate: run.rate ?? storm.othersRate, warmMs: 500, p99MsMax: Number.POSITIVE_INFINITY };
    const calm = await side.measure('calm', { ...window, measuredMs: calmMs });
    news.say(`${target.name}: the others, while nothing happens: p99 ${calm.result.latency.ms(99)?.toFixed(1) ?? 'unknown'} ms`);
    const tally: Tally = { converged: 0, received: 0, lost: 0, doubled: 0, retries: 0 };
    const [stretch, convergedMs] = await Promise.all([
      side.measure('storm', { ...window, warmMs: 0, measuredMs: storm.patienceMs }),
      comeBackAll(target, accounts, storm, filled, seededRandom(seed), tally, side, devices),
    ]);
    const missing = sessions - tally.converged;
    news.say(`${target.name}: ${tally.converged} of ${sessions} sessions had all after ${(convergedMs / 1_000).toFixed(2)} s, ${tally.retries} tries again`);
    const { figures, ...measured } = measuredOf(target, [stretch]);
    return {
      ...measured,
      figures: { ...figures, received: (figures.received ?? 0) + tally.received, lost: (figures.lost ?? 0) + tally.lost, doubled: (figures.doubled ?? 0) + tally.doubled },
      notes: { ...measured.notes, convergedMs: missing === 0 ? convergedMs : null, retries: tally.retries },
      voidWhy: missing > 0 ? `${missing} sessions were not back within ${storm.patienceMs / 1_000} s` : generatorBusyWhy([stretch]),
    };
  } finally {
    side.leave();
    for (const device of devices) device.destroy();
  }
}

/** A device that comes, as each does, by asking what has moved; then the session's message to each of its next neighbours on the ring, and a second to the nearest: those have moved for the neighbour. */
async function fill(
  { endpoint }: Target,
  accounts: readonly Account[],
  author: number,
  { chats, changed }: StormLoad,
  bodyBytes: number,
  filled: Map<ChatId, Filled>,
): Promise<void> {
  const own = accounts[author] as Account;
  const device = await Device.connect(endpoint, own);
  const send = async (chatId: ChatId, peer: Account, message: number, after: number): Promise<readonly [number: number, seq: number]> => {
    const number = device.nextNumber();
    const body = Buffer.alloc(bodyBytes, 'parley ');
    writeBodyHead(body, 0, author, message, 0);
    const sent = await device.ask({ kind: 'send', chatId, number, after, contentType: 'application/octet-stream', body, peer: peer.userId }, number);
    if (sent.kind !== 'sent') throw new DeviceFailed(`${sent.kind} instead of sent`);
    return [number, sent.seq];
  };
  try {
    const request = device.nextRequest();
    await device.ask({ kind: 'resume', request, incarnation: device.incarnation, cursors: [], last: true }, request);
    for (let step = 1; step <= chats / 2; step += 1) {
      const peer = accounts[(author + step) % accounts.length] as Account;
      const chatId = directChatId(own.userId, peer.userId);
      const [number, first] = await send(chatId, peer, 0, 0);
      const last = step <= changed ? (await send(chatId, peer, 1, number))[1] : first;
      filled.set(chatId, { author, first, last });
    }
  } finally {
    device.destroy();
  }
}

/** What the session knows: all that it has sent, and the first message of each that was sent to it. */
function cursorsOf(accounts: readonly Account[], at: number, { chats }: StormLoad, filled: ReadonlyMap<ChatId, Filled>): Cursors {
  const own = (accounts[at] as Account).userId;
  const cursors = new Map<ChatId, number>();
  for (let step = -chats / 2; step <= chats / 2; step += 1) {
    if (step === 0) continue;
    const chatId = directChatId(own, (accounts[(at + step + accounts.length) % accounts.length] as Account).userId);
    const { author, first, last } = filled.get(chatId) as Filled;
    cursors.set(chatId, author === at ? last : first);
  }
  return cursors;
}

/** Resolves when all are back, or patience is over; says after how long. The window of the others ends with it. */
async function comeBackAll(
  { endpoint }: Target,
  accounts: readonly Account[],
  storm: StormLoad,
  filled: ReadonlyMap<ChatId, Filled>,
  random: () => number,
  tally: Tally,
  side: Side,
  devices: Set<Device>,
): Promise<number> {
  const beganMs = performance.now();
  const untilMs = beganMs + storm.patienceMs;
  const cursors = accounts.map((_, at) => cursorsOf(accounts, at, storm, filled));
  const comeBack = async (account: Account, at: number): Promise<void> => {
    for (let waitMs = random() * storm.spreadMs, failures = 0; performance.now() < untilMs; failures += 1) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      let device: Device | undefined;
      try {
        device = await Device.connect(endpoint, account);
        devices.add(device);
        return await catchUp(device, cursors[at] as Cursors, storm.changed, tally);
      } catch (error) {
        if (!(error instanceof DeviceFailed)) throw error;
        device?.destroy();
        if (device !== undefined) devices.delete(device);
        tally.retries += 1;
        waitMs = random() * Math.min(retryMsMax, retryMsMin * 2 ** failures);
      }
    }
  };
  const restore = atPriority(niceness);
  try {
    await Promise.all(accounts.map(comeBack));
    return performance.now() - beganMs;
  } finally {
    restore();
    side.endWindow();
  }
}

/** Resumes with all cursors, and pulls what has moved. Throws DeviceFailed. */
async function catchUp(device: Device, cursors: Cursors, changed: number, tally: Tally): Promise<void> {
  const request = device.nextRequest();
  const rows = [...cursors].map(([chatId, seq]) => ({ chatId, seq, receiptsVersion: 0 }));
  const moved = await device.ask({ kind: 'resume', request, incarnation: device.incarnation, cursors: rows, last: true }, request);
  if (moved.kind !== 'moved') throw new DeviceFailed(`${moved.kind} instead of moved`);
  const ahead = moved.rows.filter(({ chatId, head }) => head > (cursors.get(chatId) ?? 0));
  const got = await Promise.all(ahead.map(({ chatId, head }) => pull(device, chatId, cursors.get(chatId) ?? 0, head)));
  const count = got.reduce((sum, one) => sum + one, 0);
  tally.converged += 1;
  tally.received += Math.min(count, changed);
  tally.lost += Math.max(0, changed - count);
  tally.doubled += Math.max(0, count - changed);
}

async function pull(device: Device, chatId: ChatId, after: number, upTo: number): Promise<number> {
  const request = device.nextRequest();
  const answer = await device.ask({ kind: 'pull', request, chatId, after, upTo, limit: limits.pullEntriesMax }, request);
  if (answer.kind !== 'entries') throw new DeviceFailed(`${answer.kind} instead of entries`);
  return answer.entries.filter(({ body }) => body.byteLength >= bodyHeadBytes && isBodyHead(new DataView(body.buffer, body.byteOffset, body.byteLength), 0)).length;
}
