// The run of the connect scenario: so many devices let in, a fixed number under way at a time, each side in turn.
import { latencyFigures, type Measured, noFigures, noNotes, ratio } from '../figures.ts';
import type { Account } from '../generator/device.ts';
import { Latency } from '../generator/latency.ts';
import { eachOf, type Guest } from '../generator/speaker.ts';
import { speakerOf } from '../generator/speakers.ts';
import type { News } from '../output/steps.ts';
import type { ConnectLoad } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';
import { type Usage, usageOf, usedOver } from '../targets/usage.ts';

export interface ConnectRun {
  readonly load: ConnectLoad;
  readonly sessions: number;
  readonly news: News;
}

interface Tries {
  readonly target: Target;
  readonly latency: Latency;
  readonly server: { readonly before: Usage; readonly after: Usage }[];
  readonly generator: { readonly before: Usage; readonly after: Usage }[];
}

const pauseMs = 1_000; // between rounds, for the server to see its sockets go

export async function runConnect(targets: readonly Target[], { load, sessions, news }: ConnectRun): Promise<readonly Measured[]> {
  const all: readonly Tries[] = targets.map((target) => ({ target, latency: new Latency(), server: [], generator: [] }));
  for (const { target } of all) await letIn(target, target.accounts.slice(0, load.warmUp), load.inFlight, new Latency());
  for (let round = 0; round < load.rounds; round += 1) {
    for (const tries of all) {
      const { target, latency } = tries;
      await pause();
      const before = bothOf(target);
      const first = load.warmUp + round * sessions;
      await letIn(target, target.accounts.slice(first, first + sessions), load.inFlight, latency, () => {
        const after = bothOf(target);
        tries.generator.push({ before: before.generator, after: after.generator });
        if (before.server && after.server) tries.server.push({ before: before.server, after: after.server });
      });
      const server = tries.server.at(-1);
      news.say(
        `${target.name}: ${sessions} connects, ${server?.after.cpuSeconds ? ((server.after.cpuSeconds ?? 0) - (server.before.cpuSeconds ?? 0)).toFixed(2) : 'unknown'} s of the server's processor`,
      );
    }
  }
  return all.map(measuredOf(sessions * load.rounds));
}

/** Connects, calls `whole` when all are welcome, and lets them go. */
async function letIn(target: Target, accounts: readonly Account[], inFlight: number, latency: Latency, whole?: () => void): Promise<void> {
  const guests: Guest[] = [];
  const speaker = await speakerOf(target.protocol);
  try {
    await eachOf(accounts, inFlight, async (account) => {
      const beganMs = performance.now();
      guests.push(await speaker.connect(target.endpoint, account));
      latency.record(performance.now() - beganMs);
    });
    whole?.();
  } finally {
    for (const guest of guests) guest.destroy();
  }
}

function measuredOf(connects: number): (tries: Tries) => Measured {
  return ({ target, latency, server, generator }) => {
    const used = server.length > 0 ? usedOver(server) : undefined;
    const ours = usedOver(generator);
    return {
      transport: target.transport,
      figures: {
        ...noFigures,
        ...latencyFigures(latency),
        connectsPerServerCpuSecond: ratio(connects, used?.cpuSeconds ?? null),
        serverUtilisation: used?.utilisation ?? null,
        generatorUtilisation: ours.utilisation,
      },
      notes: { ...noNotes, connectsPerSecond: ratio(connects, ours.wallSeconds), contention: { server: used?.contention ?? null, generator: ours.contention } },
      voidWhy: undefined, // a busy generator makes it slower, not the server's processor cheaper
    };
  };
}

function bothOf({ pid }: Target): { readonly server: Usage | undefined; readonly generator: Usage } {
  return { server: pid === undefined ? undefined : usageOf(pid), generator: usageOf(process.pid) };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
