// `npm run bench`: starts what is to be measured, drives it, prints what came of it.
import { mkdirSync } from 'node:fs';
import { exitCodeOf, jsonOf, type Measured, type Result } from './figures.ts';
import { DeviceFailed } from './generator/device.ts';
import { type Options, readOptions, Usage } from './options.ts';
import { tableOf } from './report.ts';
import { runConnect } from './runs/connect.ts';
import { runIdle } from './runs/idle.ts';
import { runOfflineSync } from './runs/offline-sync.ts';
import { SideBroken } from './runs/side.ts';
import { runTraffic } from './runs/traffic.ts';
import { settingOf } from './scenarios/scenario.ts';
import { chooseCores, pinThisProcess, StartFailed } from './targets/pinned.ts';
import { startBaseline } from './targets/started-baseline.ts';
import { runningParley, startParley } from './targets/started-parley.ts';
import type { Target } from './targets/target.ts';

const exitWrongOptions = 2;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const cores = chooseCores();
  if (cores.server === undefined) progress('server and generator share whatever processors there are: one core, or no taskset');
  if (options.profileTo !== undefined) mkdirSync(options.profileTo, { recursive: true });
  pinThisProcess(cores.generator);
  const targets: Target[] = [];
  try {
    targets.push(await ours(options, cores.server));
    if (options.baseline !== 'none' && options.scenario.shareOf !== undefined) targets.push(await baseline(options, cores.server));
    const result = resultOf(options, await run(options, targets));
    process.stdout.write(options.json ? `${JSON.stringify(jsonOf(result))}\n` : `${tableOf(result)}\n`);
    return exitCodeOf(result);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

function ours({ scenario, values, start, url, tokensFile, metricsUrl, serverPid, profileTo }: Options, core: number | undefined): Promise<Target> {
  const accounts = scenario.accounts(values);
  if (start) {
    progress(`parley: ${accounts} accounts, then the server`);
    return startParley({ accounts, core, profileTo });
  }
  return runningParley({ url, tokensFile: tokensFile as string, metricsUrl, pid: serverPid });
}

function baseline({ scenario, values, baseline: kind, profileTo }: Options, core: number | undefined): Promise<Target> {
  return startBaseline({ accounts: scenario.accounts(values), core, plain: kind === 'plain', profileTo });
}

/** In the order of the targets. */
async function run({ scenario: { load }, values, rate, measuredMs, seed, arrivals }: Options, targets: readonly Target[]): Promise<readonly Measured[]> {
  switch (load.kind) {
    case 'traffic':
      return runTraffic(targets, { load, values, rate, measuredMs, seed, arrivals, progress });
    case 'idle':
      return runIdle(targets, { load, sessions: settingOf(values, 'sessions'), progress });
    case 'connect':
      return runConnect(targets, { load, sessions: settingOf(values, 'sessions'), progress });
    case 'offlineSync':
      return [await runOfflineSync(targets[0] as Target, { load, messages: settingOf(values, 'messages'), bodyBytes: settingOf(values, 'body'), progress })];
  }
}

function resultOf({ scenario, values, rate, measuredMs, seed, arrivals, baseline: kind }: Options, [own, other]: readonly Measured[]): Result {
  const traffic = scenario.load.kind === 'traffic' && { rate: rate ?? 'highest', seconds: measuredMs / 1_000, arrivals, seed };
  const params = { ...values, ...(traffic || {}), ...(other && { baseline: kind }) };
  return { scenario: scenario.name, params, ours: own as Measured, baseline: other, shareOf: traffic && rate !== undefined ? undefined : scenario.shareOf };
}

/** Beside the result, so that a pipe gets the result alone. */
function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

// Whatever ends us ends the servers that we started (see Pinned).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = error instanceof Usage || error instanceof StartFailed || error instanceof DeviceFailed || error instanceof SideBroken;
    process.stderr.write(`${known ? error.message : String((error as Error).stack ?? error)}\n`);
    process.exitCode = error instanceof Usage || error instanceof StartFailed ? exitWrongOptions : 1;
  },
);
