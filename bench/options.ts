// The command line: which scenario, against what, how long. A wrong word ends the run with what would be right.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Arrivals } from './generator/schedule.ts';
import { scenarios } from './scenarios/catalogue.ts';
import type { Scenario, Values } from './scenarios/scenario.ts';

/** The command line asks for something that there is not; the message says what there is. */
export class Usage extends Error {}

export interface Options {
  readonly scenario: Scenario;
  readonly values: Values;
  /** Start our own server; else `url` is the target. */
  readonly start: boolean;
  readonly url: URL;
  readonly tokensFile: string | undefined;
  readonly metricsUrl: string | undefined;
  readonly serverPid: number | undefined;
  readonly baseline: 'gathered' | 'plain' | 'none';
  readonly json: boolean;
  readonly rate: number | undefined;
  readonly measuredMs: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly profileTo: string | undefined;
}

const rateMax = 1_000_000;
const secondsMax = 600;
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]', '::1']);

const fixed = {
  start: { type: 'boolean', default: false },
  url: { type: 'string', default: 'ws://127.0.0.1:8080' },
  tokens: { type: 'string' },
  metrics: { type: 'string' },
  'server-pid': { type: 'string' },
  'allow-remote': { type: 'boolean', default: false },
  baseline: { type: 'string', default: 'plain' },
  json: { type: 'boolean', default: false },
  rate: { type: 'string' },
  seconds: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  arrivals: { type: 'string', default: 'poisson' },
  'cpu-prof': { type: 'string' },
} as const;

export function usageText(): string {
  const names = scenarios.map(({ name, says, settings }) => {
    const own = Object.entries(settings).map(([setting, { default: value, says: means }]) => `      --${setting} ${value}  ${means}`);
    return [`  ${name}: ${says}`, ...own].join('\n');
  });
  return `npm run bench -- <scenario> [options]

${names.join('\n')}

Target:
      --start  a server of our own, embedded, on a temporary folder, pinned to one core, the generator on another
      --url ws://127.0.0.1:8080 --tokens FILE  one that runs: a line {userId, deviceId, accessToken} per device (see bench/accounts.ts)
      --metrics URL, --server-pid N  for its figures of disk, processor and memory
      --allow-remote  the target may be another machine
      --baseline plain|gathered|none  what is measured beside it: bare uWebSockets.js as it is, the same gathering each socket's writes of a turn, nothing

Load:
      --rate N  messages a second; without it the highest that holds is found
      --seconds 10  measured part · --arrivals poisson|uniform · --seed 1
      --cpu-prof DIR  profiles of the servers that were started

      --json  the last line is one JSON object

Exit code: 0 · 1 something was lost, doubled or reordered, or the run is void · 2 wrong options or no target`;
}

/** Throws Usage. */
export function readOptions(words: readonly string[]): Options {
  const [name] = words;
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Usage(name === undefined ? usageText() : `There is no scenario ${name}.\n\n${usageText()}`);
  const given = parse(words.slice(1), scenario);
  const text = (option: string): string | undefined => (typeof given[option] === 'string' ? given[option] : undefined);
  const url = targetUrl(text('url') as string, given['allow-remote'] === true);
  const baseline = text('baseline');
  const arrivals = text('arrivals');
  if (baseline !== 'gathered' && baseline !== 'plain' && baseline !== 'none') throw new Usage('--baseline is gathered, plain or none.');
  if (arrivals !== 'uniform' && arrivals !== 'poisson') throw new Usage('--arrivals is uniform or poisson.');
  if (given['start'] !== true && text('tokens') === undefined)
    throw new Usage('--start starts a server; for one that runs, --tokens FILE says who may log in (see bench/accounts.ts).');
  return {
    scenario,
    values: Object.fromEntries(
      Object.entries(scenario.settings).map(([setting, { default: value, min, max }]) => [setting, whole(`--${setting}`, text(setting) ?? String(value), min, max)]),
    ),
    start: given['start'] === true,
    url,
    tokensFile: text('tokens'),
    metricsUrl: text('metrics'),
    serverPid: text('server-pid') === undefined ? undefined : whole('--server-pid', text('server-pid') as string, 1, 4_194_304),
    baseline,
    json: given['json'] === true,
    rate: text('rate') === undefined ? undefined : whole('--rate', text('rate') as string, 1, rateMax),
    measuredMs: 1_000 * whole('--seconds', text('seconds') as string, 1, secondsMax),
    seed: whole('--seed', text('seed') as string, 0, 4_294_967_295),
    arrivals,
    profileTo: text('cpu-prof') && resolve(text('cpu-prof') as string),
  };
}

function parse(words: readonly string[], { settings }: Scenario): Readonly<Record<string, string | boolean | undefined>> {
  const own = Object.fromEntries(Object.keys(settings).map((setting) => [setting, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...words], options: { ...fixed, ...own }, strict: true }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${usageText()}`);
  }
}

function targetUrl(text: string, allowRemote: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'ws:') throw new Usage('--url begins with ws://. The generator speaks no TLS: put it behind the proxy that ends it.');
  if (!allowRemote && !loopback.has(url.hostname)) throw new Usage(`${url.hostname} is another machine. --allow-remote says that it is yours and meant.`);
  return url;
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) throw new Usage(`${option} is a whole number from ${min} to ${max}.`);
  return value;
}
