// One server under traffic: its members, wherever they are driven from, and windows of load with the clocks of all processes read around them.
import { type Fleet, startFleet } from '../generator/fleet.ts';
import type { Arrivals } from '../generator/schedule.ts';
import type { Chats } from '../generator/speaker.ts';
import type { Window, WindowMarks, WindowResult } from '../generator/traffic.ts';
import type { News, Sample, Step } from '../output/steps.ts';
import type { ServerSays } from '../targets/metrics.ts';
import type { Target } from '../targets/target.ts';
import { rssBytesOf, type Usage, type Used, usageOf, usedOver } from '../targets/usage.ts';

export interface SideOptions {
  readonly chats: Chats;
  readonly bodyBytes: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly restMsMax: number;
  readonly generators: number;
  /** Of the generators in turn, where there are several. */
  readonly generatorCores: readonly number[];
  /** This process drives others meanwhile, which must not count as latency of these. */
  readonly apart?: boolean;
  readonly news: News;
  readonly stops: Stops;
}

/** What ends a run before its end. */
export interface Stops {
  /** On the clock of `performance.now()`. */
  readonly untilMs: number;
  readonly rssBytesMax: number;
}

export const noStops: Stops = { untilMs: Number.POSITIVE_INFINITY, rssBytesMax: Number.POSITIVE_INFINITY };

interface Between {
  readonly before: Usage;
  readonly after: Usage;
}

/** One window and what it cost. */
export interface Stretch {
  readonly result: WindowResult;
  readonly server: Between | undefined;
  /** Each with the core that it is pinned to. */
  readonly generators: readonly (Between & { readonly core: number | undefined })[];
  /** Over the whole window, warm-up and drain included; null where the server does not tell. */
  readonly fdatasyncs: number | null;
}

/** The server did something that makes further load pointless. */
export class SideBroken extends Error {}

/** A limit that was set for the run has been reached. */
export class Stopped extends Error {}

const settleRate = 50;
const settleMs = 1_000;
const sampleMs = 250;
const mib = 1_048_576;

export class Side {
  readonly target: Target;
  readonly #fleet: Fleet;
  readonly #news: News;
  readonly #stops: Stops;

  private constructor(target: Target, fleet: Fleet, { news, stops }: SideOptions) {
    this.target = target;
    this.#fleet = fleet;
    this.#news = news;
    this.#stops = stops;
  }

  /** Connects everybody, makes the chats and sees that messages arrive. Throws DeviceFailed, SideBroken. */
  static async bringUp(target: Target, options: SideOptions): Promise<Side> {
    const { generators, generatorCores, apart, chats, bodyBytes, seed, arrivals, restMsMax } = options;
    const { protocol, endpoint } = target;
    const members = chats.count * chats.members;
    const accounts = target.accounts.slice(0, members);
    const fleet = await startFleet({ protocol, endpoint, accounts, chats, bodyBytes, seed, arrivals, restMsMax }, generators, generatorCores, apart);
    const side = new Side(target, fleet, options);
    const { result } = await side.measure('settle', { rate: settleRate, warmMs: 0, measuredMs: settleMs, p99MsMax: Number.POSITIVE_INFINITY });
    if (result.lost > 0) {
      side.leave();
      throw new SideBroken(`${target.name}: the chats did not come up: ${result.lost} of ${result.received + result.lost} deliveries never came`);
    }
    return side;
  }

  /** `marks`: who else reads clocks as the measured part begins and ends. Throws SideBroken, Stopped. */
  async measure(phase: string, window: Window, marks?: WindowMarks): Promise<Stretch> {
    const { target } = this;
    const saidBefore = await target.says();
    let [before, after] = [this.#read(), this.#read()];
    const watch = this.#watch(phase, window);
    const result = await this.#fleet.window(window, {
      begin: () => {
        before = this.#read();
        marks?.begin();
      },
      end: () => {
        after = this.#read();
        marks?.end();
      },
    });
    const samples = watch.end();
    const saidAfter = await target.says();
    const ended = target.endedWhy();
    const brokenWhy = (ended && `the server is gone: ${ended}`) ?? this.#fleet.brokenWhy() ?? result.broken;
    if (brokenWhy !== undefined) throw new SideBroken(`${target.name}: ${brokenWhy}`);
    const stretch: Stretch = {
      result,
      server: before.server && after.server && { before: before.server, after: after.server },
      generators: before.generators.map((usage, at) => ({ before: usage, after: after.generators[at] as Usage, core: this.#fleet.cores[at] })),
      fdatasyncs: difference(saidBefore?.fdatasyncs, saidAfter?.fdatasyncs),
    };
    this.#news.step(stepOf(target.name, phase, stretch, samples, saidAfter));
    if (watch.stoppedWhy() !== undefined) throw new Stopped(`${target.name}: ${watch.stoppedWhy()}`);
    return stretch;
  }

  /** Ends the window under way, once what was sent has come. */
  endWindow(): void {
    this.#fleet.giveUp();
  }

  leave(): void {
    this.#fleet.leave();
  }

  #read(): { readonly server: Usage | undefined; readonly generators: readonly Usage[] } {
    const { pid } = this.target;
    return { server: pid === undefined ? undefined : usageOf(pid), generators: this.#fleet.pids.map(usageOf) };
  }

  /** Looks at the server now and then, says how the window stands, and gives up when a limit is reached. */
  #watch(phase: string, { rate, warmMs, measuredMs }: Window): { end(): readonly Sample[]; stoppedWhy(): string | undefined } {
    const { pid, name } = this.target;
    const { untilMs, rssBytesMax } = this.#stops;
    const beganMs = performance.now();
    const samples: Sample[] = [];
    let last = pid === undefined ? undefined : usageOf(pid);
    let stoppedWhy: string | undefined;
    const look = (): void => {
      const usage = pid === undefined ? undefined : usageOf(pid);
      const rss = pid === undefined ? null : rssBytesOf(pid);
      const atMs = performance.now();
      const cpu = last && usage ? usedOver([{ before: last, after: usage }]).utilisation : null;
      samples.push({ at: rounded((atMs - beganMs) / 1_000), cpu: cpu === null ? null : rounded(cpu), rssMiB: rss === null ? null : rounded(rss / mib) });
      last = usage;
      const p99 = this.#fleet.p99Ms();
      const part = `${((atMs - beganMs) / 1_000).toFixed(1)} of ${((warmMs + measuredMs) / 1_000).toFixed(1)} s`;
      this.#news.now(
        `${name} ${phase}: ${Math.round(rate)}/s, ${part}${p99 === null ? '' : `, p99 ${p99.toFixed(1)} ms`}${cpu === null ? '' : `, server ${Math.round(cpu * 100)} %`}`,
      );
      if (rss !== null && rss > rssBytesMax) stoppedWhy ??= `the server has taken more than ${Math.round(rssBytesMax / mib)} MiB`;
      if (atMs > untilMs) stoppedWhy ??= 'the time for the run is over';
      if (stoppedWhy !== undefined) this.#fleet.giveUp();
    };
    const timer = setInterval(look, sampleMs);
    const end = (): readonly Sample[] => {
      clearInterval(timer);
      return samples;
    };
    return { end, stoppedWhy: () => stoppedWhy };
  }
}

/** Server, and the busiest of the generators, over several stretches. */
export function usedOf(stretches: readonly Stretch[]): readonly [Used | undefined, Used] {
  const server = stretches.map((stretch) => stretch.server).filter((part) => part !== undefined);
  return [server.length === stretches.length ? usedOver(server) : undefined, busiestOf(stretches)];
}

/** Generators that share a core have no more than that core together. */
function busiestOf(stretches: readonly Stretch[]): Used {
  const byCore = new Map<number | string, Used>();
  for (const [at, { core }] of (stretches[0]?.generators ?? []).entries()) {
    const used = usedOver(stretches.map((stretch) => stretch.generators[at] as Between));
    const others = byCore.get(core ?? `alone ${at}`);
    byCore.set(
      core ?? `alone ${at}`,
      others === undefined ? used : { ...used, utilisation: added(used.utilisation, others.utilisation), cpuSeconds: added(used.cpuSeconds, others.cpuSeconds) },
    );
  }
  return [...byCore.values()].toSorted((a, b) => (b.utilisation ?? 0) - (a.utilisation ?? 0))[0] as Used;
}

function added(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function stepOf(target: string, phase: string, stretch: Stretch, samples: readonly Sample[], says: ServerSays | null): Step {
  const { result, fdatasyncs } = stretch;
  const { latency } = result;
  const [server, generator] = usedOf([stretch]);
  const seconds = result.measuredMs / 1_000;
  return {
    kind: 'step',
    at: new Date().toISOString(),
    target,
    phase,
    rate: result.rate,
    seconds,
    messagesPerSecond: result.accepted / seconds,
    deliveriesPerSecond: result.delivered / seconds,
    p50Ms: latency.ms(50),
    p90Ms: latency.ms(90),
    p99Ms: latency.ms(99),
    p999Ms: latency.ms(99.9),
    maxMs: latency.ms(100),
    endedEarly: result.endedEarly,
    sent: result.written,
    received: result.received,
    lost: result.lost,
    doubled: result.doubled,
    reordered: result.reordered,
    healed: result.healed,
    blocked: result.blocked,
    refused: result.refused,
    serverCpu: server?.utilisation ?? null,
    serverWaited: server?.contention ?? null,
    serverRssMiB: samples.at(-1)?.rssMiB ?? null,
    loopLagP99Ms: says?.loopLagP99Ms ?? null,
    loopLagMaxMs: says?.loopLagMaxMs ?? null,
    fdatasyncs,
    generatorCpu: generator.utilisation,
    generatorWaited: generator.contention,
    samples,
    histogram: latency.dump(),
  };
}

function difference(before: number | null | undefined, after: number | null | undefined): number | null {
  return typeof before === 'number' && typeof after === 'number' ? after - before : null;
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
