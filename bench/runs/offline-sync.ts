// The run of the offline-sync scenario: messages are stored for devices that are away, which then come back one by one.
import { latencyFigures, type Measured, noFigures, noNotes } from '../figures.ts';
import { type Account, DeviceFailed } from '../generator/device.ts';
import { Latency } from '../generator/latency.ts';
import { eachOf } from '../generator/speaker.ts';
import { speakerOf } from '../generator/speakers.ts';
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

/** A target that keeps nothing has no figures. */
export async function runOfflineSync(target: Target, run: OfflineSyncRun): Promise<Measured> {
  const { load, messages, bodyBytes, news } = run;
  const { endpoint, accounts } = target;
  const { away } = await speakerOf(target.protocol);
  if (away === undefined || target.keepsNothing) return { transport: target.transport, figures: noFigures, notes: noNotes, voidWhy: undefined };
  const pairs = Array.from({ length: load.devices }, (_, at) => [accounts[2 * at] as Account, accounts[2 * at + 1] as Account] as const);
  if (accounts.length < 2 * load.devices) throw new DeviceFailed(`the scenario needs ${2 * load.devices} accounts`);
  await eachOf(pairs, sendersAtOnce, async ([sender, receiver]) => {
    await away.prepare(endpoint, receiver);
    await away.store(endpoint, sender, receiver, messages, bodyBytes);
  });
  news.say(`${target.name}: ${load.devices * messages} messages stored for ${load.devices} devices`);
  const latency = new Latency();
  const tally: Tally = { received: 0, lost: 0, doubled: 0, reordered: 0 };
  for (const [at, [, receiver]] of pairs.entries()) {
    const beganMs = performance.now();
    const counters = await away.comeBack(endpoint, receiver, messages);
    if (at >= load.warmUp) latency.record(performance.now() - beganMs);
    judge(counters, messages, tally);
  }
  news.say(`${target.name}: from connect to the last message, median ${latency.ms(50)} ms, 99th percentile ${latency.ms(99)} ms`);
  return {
    transport: target.transport,
    figures: { ...noFigures, ...latencyFigures(latency), sent: load.devices * messages, ...tally },
    notes: noNotes,
    voidWhy: undefined,
  };
}

function judge(counters: readonly number[], messages: number, tally: Tally): void {
  const distinct = new Set(counters);
  tally.received += distinct.size;
  tally.lost += messages - distinct.size;
  tally.doubled += counters.length - distinct.size;
  tally.reordered += counters.filter((counter, at) => at > 0 && counter < (counters[at - 1] as number)).length;
}
