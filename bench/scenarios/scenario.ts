// What a scenario is: a name, what may be set, and the load as data. The runs in bench/runs know what to do with each kind of load.
import type { Figures } from '../figures.ts';

export interface Setting {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly says: string;
}
export type Values = Readonly<Record<string, number>>;

/** Messages at a rate, in chats that all look alike. */
export interface TrafficLoad {
  readonly kind: 'traffic';
  /** How many chats, of how many members each; `direct` ones have two. */
  readonly chats: (values: Values) => { readonly count: number; readonly members: number; readonly direct: boolean };
  /** A rate holds while the 99th percentile is at most this. */
  readonly p99MsMax: (values: Values) => number;
  /** See `pace` in bench/generator. */
  readonly restMsMax: (values: Values) => number;
  /** Where the search begins, in messages a second. */
  readonly startRate: number;
  readonly rateMax: number;
  /** Whether latency at half of the maximum is measured too. */
  readonly half: boolean;
}

/** Sessions that do nothing. */
export interface IdleLoad {
  readonly kind: 'idle';
  /** From the last welcome to the look at the memory. */
  readonly settleMs: number;
}

/** Authenticated connects, so many under way at any time. */
export interface ConnectLoad {
  readonly kind: 'connect';
  readonly inFlight: number;
  readonly rounds: number;
  /** Let in and out before anything is counted. */
  readonly warmUp: number;
}

/** Devices that come back one by one to messages they missed. */
export interface OfflineSyncLoad {
  readonly kind: 'offlineSync';
  readonly devices: number;
  /** Of them, this many come first and are not counted. */
  readonly warmUp: number;
}

/** Half of the highest rate, for long: what happens to the memory. */
export interface SoakLoad {
  readonly kind: 'soak';
  readonly traffic: TrafficLoad;
  /** The load comes in windows, each of them a step of the report. */
  readonly windowMs: number;
}

/** Many devices that come back at once to chats of which some have moved, while others talk. */
export interface StormLoad {
  readonly kind: 'storm';
  /** Of each session, all direct. */
  readonly chats: number;
  /** Of them, those with a message that the session has not seen. */
  readonly changed: number;
  /** Each session comes back at a random moment within this time, as the SDK does. */
  readonly spreadMs: number;
  /** Who talks meanwhile, and how much a second. */
  readonly others: TrafficLoad;
  readonly othersRate: number;
  /** Sessions that are not back by then never will be. */
  readonly patienceMs: number;
}

export type Load = TrafficLoad | IdleLoad | ConnectLoad | OfflineSyncLoad | SoakLoad | StormLoad;

export interface Scenario {
  readonly name: string;
  readonly says: string;
  readonly settings: Readonly<Record<string, Setting>>;
  readonly accounts: (values: Values) => number;
  readonly load: Load;
  /** Measured part by default; left out: 10. */
  readonly seconds?: number;
  /** The figure by which ours and the baseline are compared; undefined where the baseline can't do it. */
  readonly shareOf: keyof Figures | undefined;
}

/** A setting of a scenario; it is there, since the options were checked against the scenario. */
export function settingOf(values: Values, name: string): number {
  const value = values[name];
  if (value === undefined) throw new Error(`the scenario has no setting ${name}`);
  return value;
}
