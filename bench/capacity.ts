// Reckons machines from measured costs (bench/figures/costs.json) and stated habits of people: `node bench/capacity.ts --users 1000000`. With --write it puts the tables into docs/capacity.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Cost {
  readonly value: number;
  readonly what: string;
  readonly measured: string;
  readonly repeat: string;
}

export type CostName =
  | 'messageCpuUs'
  | 'deliveryCpuUs'
  | 'appendClientCpuUs'
  | 'storeAppendCpuUs'
  | 'storeWriteShare'
  | 'natsPublishCpuUs'
  | 'natsReceiveCpuUs'
  | 'natsServerCpuUs'
  | 'sessionRssBytes'
  | 'subscriptionNodeBytes'
  | 'subscriptionServerBytes'
  | 'connectCpuUs'
  | 'comeBackCpuUs'
  | 'sessionsMax';
export type Costs = Readonly<Record<CostName, Cost>>;

/** What people do: not measured, to be changed to one's own. */
export interface Habits {
  /** One-to-one messages that a user sends a day. */
  readonly messagesADay: number;
  /** The busiest second to the mean. */
  readonly peak: number;
  /** Of the users, connected at the busiest time. */
  readonly connected: number;
  /** Share of a core that is to be used at the busiest time: the rest is for bursts, and for a machine that is away. */
  readonly fill: number;
  /** Bodies and what is kept with them, three times. */
  readonly bytesAMessage: number;
}

export const habits: Habits = { messagesADay: 30, peak: 2, connected: 0.3, fill: 0.5, bytesAMessage: 3 * 400 };

export interface Size {
  readonly users: number;
  readonly messagesPerSecond: number;
  readonly connected: number;
  /** Processes, a core each. */
  readonly nodes: number;
  /** What the messages alone would need: where it is fewer, the sessions decide. */
  readonly nodesByMessages: number;
  readonly comeBackSeconds: number;
  readonly sessionsPerNode: number;
  readonly nodeMemoryGib: number;
  readonly storeCores: number;
  readonly natsCores: number;
  readonly natsMemoryGib: number;
  readonly terabytesAYear: number;
  /** One process with its embedded store carries it. */
  readonly alone: boolean;
}

const secondsADay = 86_400;
const gib = 2 ** 30;
const nodesMin = 3;
const storeNodesMin = 3;
/** Of one-to-one messages in a large cluster, those whose sender, receiver and chat are each on another node: the send, the answer and two pushes cross. */
const crossings = 4;
const inboxRows = 2;

export function sizeOf(users: number, costs: Costs, { messagesADay, peak, connected, fill, bytesAMessage }: Habits): Size {
  const us = (name: CostName): number => costs[name].value;
  const mean = (users * messagesADay) / secondsADay;
  const messages = mean * peak;
  const sessions = users * connected;
  const aloneCores = (messages * us('messageCpuUs')) / 1e6 / fill;
  const bySessions = Math.ceil(sessions / us('sessionsMax'));
  const alone = aloneCores <= 1 && bySessions <= 1;
  const perMessage = us('messageCpuUs') + us('appendClientCpuUs') * (1 + inboxRows * us('storeWriteShare')) + crossings * (us('natsPublishCpuUs') + us('natsReceiveCpuUs'));
  const byMessages = Math.ceil((messages * perMessage) / 1e6 / fill);
  const nodes = alone ? 1 : Math.max(nodesMin, byMessages, bySessions);
  const storeCores = alone ? 0 : Math.max(storeNodesMin, (messages * us('storeAppendCpuUs') * (1 + inboxRows * us('storeWriteShare'))) / 1e6 / fill);
  const natsCores = alone ? 0 : (messages * crossings * us('natsServerCpuUs')) / 1e6 / fill;
  const perSession = us('sessionRssBytes') + (alone ? 0 : us('subscriptionNodeBytes'));
  return {
    users,
    messagesPerSecond: messages,
    connected: sessions,
    nodes,
    nodesByMessages: alone ? 1 : byMessages,
    sessionsPerNode: sessions / nodes,
    comeBackSeconds: alone ? (sessions * us('comeBackCpuUs')) / 1e6 : ((sessions / nodes / (nodes - 1)) * us('comeBackCpuUs')) / 1e6,
    nodeMemoryGib: (sessions / nodes) * (perSession / gib),
    storeCores,
    natsCores,
    natsMemoryGib: alone ? 0 : (sessions * us('subscriptionServerBytes')) / gib,
    terabytesAYear: (mean * secondsADay * 365 * bytesAMessage) / 1e12,
    alone,
  };
}

export function costsKept(): Costs {
  return JSON.parse(readFileSync(new URL('./figures/costs.json', import.meta.url), 'utf8')) as Costs;
}

export const sizes = [1e4, 1e6, 1e9];
const [begin, end] = ['<!-- bench/capacity.ts begins -->', '<!-- bench/capacity.ts ends -->'];
const file = fileURLToPath(new URL('../docs/capacity.md', import.meta.url));

/** What stands between the markers of docs/capacity.md. */
export function tablesOf(costs: Costs, users: readonly number[], own: Habits): string {
  const all = users.map((count) => sizeOf(count, costs, own));
  const row = (label: string, of: (size: Size) => string): string => `| ${label} | ${all.map(of).join(' | ')} |`;
  const of = (shown: (size: Size) => number) => (size: Size) => number(shown(size));
  const cluster = (shown: (size: Size) => number) => (size: Size) => (size.alone ? '–' : number(shown(size)));
  return [
    `Habits: ${own.messagesADay} one-to-one messages a user and day, the busiest second ${own.peak} times the mean, ${own.connected * 100} % of the users connected at that time, cores filled to ${own.fill * 100} %, ${own.bytesAMessage} bytes of disk a message on all replicas together.`,
    '',
    `| users | ${all.map(({ users: count }) => number(count)).join(' | ')} |`,
    `|---|${all.map(() => '---:').join('|')}|`,
    row(
      'messages a second, at the busiest',
      of(({ messagesPerSecond }) => messagesPerSecond),
    ),
    row(
      'connected',
      of(({ connected }) => connected),
    ),
    row(
      'nodes (a process and a core each)',
      of(({ nodes }) => nodes),
    ),
    row(
      'of them, for the messages alone',
      of(({ nodesByMessages }) => nodesByMessages),
    ),
    row(
      'sessions a node',
      of(({ sessionsPerNode }) => sessionsPerNode),
    ),
    row(
      'memory of a node for them, GiB',
      of(({ nodeMemoryGib }) => nodeMemoryGib),
    ),
    row(
      'seconds of processor, for each other node when one node’s sessions come to them; alone: when all come back',
      of(({ comeBackSeconds }) => comeBackSeconds),
    ),
    row(
      'cores of the store, three replicas',
      cluster(({ storeCores }) => storeCores),
    ),
    row(
      'cores of NATS',
      cluster(({ natsCores }) => natsCores),
    ),
    row(
      'memory of NATS for subscriptions, GiB',
      cluster(({ natsMemoryGib }) => natsMemoryGib),
    ),
    row(
      'disk, TB a year',
      of(({ terabytesAYear }) => terabytesAYear),
    ),
    '',
    ...costRows(costs),
  ].join('\n');
}

function costRows(costs: Costs): readonly string[] {
  const rows = Object.entries(costs).map(([name, { value, what, measured, repeat }]) => {
    const how = repeat.startsWith('docs/') ? repeat : `\`${repeat}\``;
    return `| ${what} | ${value}${unitOf(name)} | ${measured} | ${how} |`;
  });
  return ['| cost | | measured | repeat |', '|---|---:|---|---|', ...rows];
}

export function documentWith(text: string, tables: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error('docs/capacity.md has no place for the tables');
  return `${text.slice(0, from)}${begin}\n\n${tables}\n\n${text.slice(to)}`;
}

function unitOf(name: string): string {
  if (name.endsWith('Us')) return ' µs';
  return name.endsWith('Bytes') ? ' B' : '';
}

function number(value: number): string {
  if (value >= 1_000) return Number(value.toPrecision(3)).toLocaleString('en');
  return value >= 10 ? Math.round(value).toString() : Number(value.toPrecision(2)).toString();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      users: { type: 'string' },
      'messages-a-day': { type: 'string' },
      peak: { type: 'string' },
      connected: { type: 'string' },
      fill: { type: 'string' },
      write: { type: 'boolean' },
    },
  });
  const given = (text: string | undefined, other: number): number => (text === undefined ? other : Number(text));
  const own: Habits = {
    ...habits,
    messagesADay: given(values['messages-a-day'], habits.messagesADay),
    peak: given(values.peak, habits.peak),
    connected: given(values.connected, habits.connected),
    fill: given(values.fill, habits.fill),
  };
  if (values.write) writeFileSync(file, documentWith(readFileSync(file, 'utf8'), tablesOf(costsKept(), sizes, habits)));
  else process.stdout.write(`${tablesOf(costsKept(), values.users === undefined ? sizes : [Number(values.users)], own)}\n`);
}
