// The run of the offline-sync scenario: messages are stored for devices that are away, which then come back one by one.
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { latencyFigures, type Measured, noFigures, noNotes } from '../figures.ts';
import { counterAt, isBodyHead, writeBodyHead } from '../generator/body.ts';
import { type Account, Device, DeviceFailed } from '../generator/device.ts';
import { Latency } from '../generator/latency.ts';
import { eachOf } from '../generator/speaker.ts';
import type { News } from '../output/steps.ts';
import type { OfflineSyncLoad } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';

export interface OfflineSyncRun {
  readonly load: OfflineSyncLoad;
  readonly messages: number;
  readonly bodyBytes: number;
  readonly news: News;
}

interface Tally {
  received: number;
  lost: number;
  doubled: number;
  reordered: number;
}

const sendersAtOnce = 25;

/** The baseline stores nothing: only the server under test takes part. */
export async function runOfflineSync(target: Target, run: OfflineSyncRun): Promise<Measured> {
  const { load, messages, news } = run;
  const pairs = Array.from({ length: load.devices }, (_, at) => [target.accounts[2 * at], target.accounts[2 * at + 1]] as const);
  if (pairs.some(([sender, receiver]) => sender === undefined || receiver === undefined)) throw new DeviceFailed(`the scenario needs ${2 * load.devices} accounts`);
  await eachOf(pairs, sendersAtOnce, ([sender, receiver]) => store(target, sender as Account, receiver as Account, run));
  news.say(`${target.name}: ${load.devices * messages} messages stored for ${load.devices} devices`);
  const latency = new Latency();
  const tally: Tally = { received: 0, lost: 0, doubled: 0, reordered: 0 };
  for (const [at, [, receiver]] of pairs.entries()) {
    const tookMs = await comeBack(target, receiver as Account, messages, tally);
    if (at >= load.warmUp) latency.record(tookMs);
  }
  news.say(`${target.name}: from connect to the last message, median ${latency.ms(50)} ms, 99th percentile ${latency.ms(99)} ms`);
  return {
    transport: target.transport,
    figures: { ...noFigures, ...latencyFigures(latency), sent: load.devices * messages, ...tally },
    notes: noNotes,
    voidWhy: undefined,
  };
}

/** Stores the messages through the protocol, as many open at a time as it allows. */
async function store({ endpoint }: Target, from: Account, to: Account, { messages, bodyBytes }: OfflineSyncRun): Promise<void> {
  const device = await Device.connect(endpoint, from);
  const chatId = directChatId(from.userId, to.userId);
  try {
    for (let counter = 0, after = 0; counter < messages; ) {
      const answers: Promise<unknown>[] = [];
      for (; counter < messages && answers.length < limits.openSendsPerChatMax; counter += 1) {
        const number = device.nextNumber();
        const body = Buffer.alloc(bodyBytes, 'parley ');
        writeBodyHead(body, 0, 0, counter, 0);
        answers.push(device.ask({ kind: 'send', chatId, number, after, contentType: 'application/octet-stream', body, peer: to.userId }, number));
        after = number;
      }
      await Promise.all(answers);
    }
  } finally {
    device.destroy();
  }
}

/** Connects, resumes with nothing, pulls what moved. Returns how long it took until the last message was here. */
async function comeBack({ endpoint }: Target, account: Account, messages: number, tally: Tally): Promise<number> {
  const beganMs = performance.now();
  const device = await Device.connect(endpoint, account);
  try {
    const request = device.nextRequest();
    const moved = await device.ask({ kind: 'resume', request, incarnation: '', cursors: [], last: true }, request);
    if (moved.kind !== 'moved') throw new DeviceFailed(`${moved.kind} instead of moved`);
    const counters: number[] = [];
    for (const row of moved.rows) await pull(device, row.chatId, row.head, counters);
    const tookMs = performance.now() - beganMs;
    judge(counters, messages, tally);
    return tookMs;
  } finally {
    device.destroy();
  }
}

async function pull(device: Device, chatId: ChatId, upTo: number, counters: number[]): Promise<void> {
  for (let through = 0, head = upTo; through < head; ) {
    const request = device.nextRequest();
    const answer = await device.ask({ kind: 'pull', request, chatId, after: through, upTo, limit: limits.pullEntriesMax }, request);
    if (answer.kind !== 'entries') throw new DeviceFailed(`${answer.kind} instead of entries`);
    for (const { body } of answer.entries) {
      const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
      if (body.byteLength >= 20 && isBodyHead(view, 0)) counters.push(counterAt(view, 0));
    }
    ({ through, head } = answer);
  }
}

function judge(counters: readonly number[], messages: number, tally: Tally): void {
  const distinct = new Set(counters);
  tally.received += distinct.size;
  tally.lost += messages - distinct.size;
  tally.doubled += counters.length - distinct.size;
  tally.reordered += counters.filter((counter, at) => at > 0 && counter < (counters[at - 1] as number)).length;
}
