// The command line: which scenario, against what, how long. A wrong word ends the run with what would be right.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Arrivals } from './generator/schedule.ts';
import { scenarios } from './scenarios/catalogue.ts';
import type { Scenario, Values } from './scenarios/scenario.ts';
import { Usage, usageText } from './usage-text.ts';

export { Usage } from './usage-text.ts';

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
  /** Where every step goes as a line of JSON; undefined: nowhere. */
  readonly outFile: string | undefined;
  readonly htmlFile: string | undefined;
  readonly rate: number | undefined;
  readonly measuredMs: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly generators: number;
  /** So many runs that are not void; the median is the result. */
  readonly repeat: number;
  readonly p99MsMax: number | undefined;
  readonly rateMax: number | undefined;
  /** After so long nothing goes on. */
  readonly stopAfterMs: number | undefined;
  readonly stopRssBytes: number | undefined;
  readonly profileTo: string | undefined;
}

const rateMax = 1_000_000;
const secondsMax = 86_400;
const generatorsMax = 64;
const repeatMax = 15;
const secondsByDefault = 10;

const fixed = {
  start: { type: 'boolean', default: false },
  target: { type: 'string', default: 'ws://127.0.0.1:8080' },
  tokens: { type: 'string' },
  metrics: { type: 'string' },
  'server-pid': { type: 'string' },
  baseline: { type: 'string', default: 'plain' },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
  html: { type: 'string' },
  rate: { type: 'string' },
  seconds: { type: 'string' },
  seed: { type: 'string', default: '1' },
  arrivals: { type: 'string', default: 'poisson' },
  generators: { type: 'string', default: '1' },
  repeat: { type: 'string', default: '1' },
  p99: { type: 'string' },
  'rate-max': { type: 'string' },
  'stop-after': { type: 'string' },
  'stop-rss': { type: 'string' },
  'cpu-prof': { type: 'string' },
} as const;

/** Throws Usage. */
export function readOptions(words: readonly string[]): Options {
  const [name] = words;
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Usage(name === undefined ? usageText() : `There is no scenario ${name}.\n\n${usageText()}`);
  const given = parse(words.slice(1), scenario);
  const text = (option: string): string | undefined => (typeof given[option] === 'string' ? given[option] : undefined);
  const number = (option: string, min: number, max: number): number | undefined => {
    const value = text(option);
    return value === undefined ? undefined : whole(`--${option}`, value, min, max);
  };
  const file = (option: string): string | undefined => text(option) && resolve(text(option) as string);
  const baseline = text('baseline');
  const arrivals = text('arrivals');
  if (baseline !== 'gathered' && baseline !== 'plain' && baseline !== 'none') throw new Usage('--baseline is gathered, plain or none.');
  if (arrivals !== 'uniform' && arrivals !== 'poisson') throw new Usage('--arrivals is uniform or poisson.');
  if (given['start'] !== true && text('tokens') === undefined)
    throw new Usage('--start starts a server; for one that runs, --tokens FILE says who may log in (see bench/accounts.ts).');
  if (given['start'] === true && text('tokens') !== undefined) throw new Usage('--start makes accounts of its own: leave --tokens out, or --start.');
  const stopRssMib = number('stop-rss', 1, 1_048_576);
  const stopAfterSeconds = number('stop-after', 1, secondsMax);
  return {
    scenario,
    values: Object.fromEntries(
      Object.entries(scenario.settings).map(([setting, { default: value, min, max }]) => [setting, whole(`--${setting}`, text(setting) ?? String(value), min, max)]),
    ),
    start: given['start'] === true,
    url: targetUrl(text('target') as string),
    tokensFile: text('tokens'),
    metricsUrl: text('metrics'),
    serverPid: number('server-pid', 1, 4_194_304),
    baseline,
    json: given['json'] === true,
    outFile: file('out'),
    htmlFile: file('html'),
    rate: number('rate', 1, rateMax),
    measuredMs: 1_000 * (number('seconds', 1, secondsMax) ?? scenario.seconds ?? secondsByDefault),
    seed: number('seed', 0, 4_294_967_295) as number,
    arrivals,
    generators: number('generators', 1, generatorsMax) as number,
    repeat: number('repeat', 1, repeatMax) as number,
    p99MsMax: number('p99', 1, 60_000),
    rateMax: number('rate-max', 1, rateMax),
    stopAfterMs: stopAfterSeconds && 1_000 * stopAfterSeconds,
    stopRssBytes: stopRssMib && 1_048_576 * stopRssMib,
    profileTo: file('cpu-prof'),
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

function targetUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'ws:' && url?.protocol !== 'wss:') throw new Usage('--target begins with ws:// or wss://.');
  return url;
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) throw new Usage(`${option} is a whole number from ${min} to ${max}.`);
  return value;
}
