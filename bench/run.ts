// One run of one scenario: starts what is to be measured, drives it, says what came of it.
import { mkdirSync } from 'node:fs';
import type { Measured, Result } from './figures.ts';
import type { Options } from './options.ts';
import type { News } from './output/steps.ts';
import { runConnect } from './runs/connect.ts';
import { runIdle } from './runs/idle.ts';
import { runOfflineSync } from './runs/offline-sync.ts';
import { runSoak } from './runs/soak.ts';
import { runStorm } from './runs/storm.ts';
import { runTraffic, type TrafficRun } from './runs/traffic.ts';
import { settingOf } from './scenarios/scenario.ts';
import { chooseCores, pinThisProcess, StartFailed } from './targets/pinned.ts';
import { startBaseline } from './targets/started-baseline.ts';
import { runningParley, startParley } from './targets/started-parley.ts';
import type { Target } from './targets/target.ts';

/** Throws StartFailed, DeviceFailed, SideBroken, Stopped. */
export async function runOnce(options: Options, news: News): Promise<Result> {
  const cores = chooseCores();
  if (cores.server === undefined) news.say('server and generator share whatever processors there are: one core, or no taskset');
  if (options.profileTo !== undefined) mkdirSync(options.profileTo, { recursive: true });
  pinThisProcess(cores.generator);
  const targets: Target[] = [];
  try {
    targets.push(await ours(options, cores.server, news));
    if (options.baseline !== 'none' && options.scenario.shareOf !== undefined) targets.push(await baseline(options, cores.server));
    const needed = options.scenario.accounts(options.values);
    const short = targets.find(({ accounts }) => accounts.length < needed);
    if (short !== undefined) throw new StartFailed(`The scenario needs ${needed} accounts, ${short.name} has ${short.accounts.length}.`);
    return resultOf(options, await measure(options, targets, news));
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

/** Any number of targets under the load of the options, in their order. Throws DeviceFailed, SideBroken, Stopped. */
export async function measure(options: Options, targets: readonly Target[], news: News): Promise<readonly Measured[]> {
  const { scenario, values } = options;
  const { load } = scenario;
  switch (load.kind) {
    case 'traffic':
      return runTraffic(targets, { ...trafficOf(options, news), load });
    case 'idle':
      return runIdle(targets, { load, sessions: settingOf(values, 'sessions'), news });
    case 'connect':
      return runConnect(targets, { load, sessions: settingOf(values, 'sessions'), news });
    case 'offlineSync':
      return [await runOfflineSync(targets[0] as Target, { load, messages: settingOf(values, 'messages'), bodyBytes: settingOf(values, 'body'), news })];
    case 'soak':
      return [await runSoak(targets[0] as Target, { ...trafficOf(options, news), load: load.traffic, soak: load })];
    case 'storm':
      return [await runStorm(targets[0] as Target, { ...trafficOf(options, news), load: load.others, storm: load })];
  }
}

function trafficOf({ values, rate, measuredMs, seed, arrivals, p99MsMax, rateMax, generators, stopAfterMs, stopRssBytes }: Options, news: News): Omit<TrafficRun, 'load'> {
  const stops = { untilMs: performance.now() + (stopAfterMs ?? Number.POSITIVE_INFINITY), rssBytesMax: stopRssBytes ?? Number.POSITIVE_INFINITY };
  return { values, rate, measuredMs, seed, arrivals, p99MsMax, rateMax, generators, generatorCores: chooseCores().generators, stops, news };
}

function ours({ scenario, values, start, url, tokensFile, metricsUrl, serverPid, profileTo }: Options, core: number | undefined, news: News): Promise<Target> {
  const accounts = scenario.accounts(values);
  if (start) {
    news.say(`parley: ${accounts} accounts, then the server`);
    return startParley({ accounts, core, profileTo });
  }
  return runningParley({ url, tokensFile: tokensFile as string, metricsUrl, pid: serverPid });
}

function baseline({ scenario, values, baseline: kind, profileTo }: Options, core: number | undefined): Promise<Target> {
  return startBaseline({ accounts: scenario.accounts(values), core, plain: kind === 'plain', profileTo });
}

function resultOf(options: Options, [own, other]: readonly Measured[]): Result {
  const { scenario, rate, baseline: kind } = options;
  const isTraffic = scenario.load.kind === 'traffic';
  const params = { ...paramsOf(options), ...(other && { baseline: kind }) };
  return { scenario: scenario.name, params, ours: own as Measured, baseline: other, shareOf: isTraffic && rate !== undefined ? undefined : scenario.shareOf };
}

/** What was set, as it is reported. */
export function paramsOf({ scenario, values, rate, measuredMs, seed, arrivals, generators }: Options): Readonly<Record<string, number | string>> {
  const { kind } = scenario.load;
  const traffic = (kind === 'traffic' || kind === 'soak') && { rate: rate ?? 'highest', seconds: measuredMs / 1_000, arrivals, seed };
  return { ...values, ...(traffic || {}), ...(generators > 1 && { generators }) };
}
