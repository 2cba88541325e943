// What a node counts and shows to Prometheus. Every metric's name, label and meaning stands in one table; a count on the hot path is one addition to a plain number.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import { Distribution } from './distribution.ts';

const prefix = 'parley_';

interface CounterRow {
  readonly name: `${string}_total`;
  readonly help: string;
}

/** Counted by whoever does it: `metrics.counts.appends += 1`, or read where it is counted: `metrics.counter('commands', () => kernel.counts.commands)`. */
const counters = {
  commands: { name: 'commands_total', help: 'Commands that actors have stepped.' },
  givenBack: { name: 'commands_given_back_total', help: 'Commands that were returned undone to whoever sent them.' },
  notAdmitted: { name: 'not_admitted_total', help: 'Connections, hellos, resumes and heals that were refused because too many waited for their turn.' },
  appends: { name: 'appends_total', help: 'Appends to the logs of chats that have become durable.' },
  entries: { name: 'entries_total', help: 'Entries in those appends.' },
  superseded: { name: 'superseded_total', help: 'Appends refused because another activation had written.' },
  framesIn: { name: 'frames_in_total', help: 'Frames received from devices.' },
  framesOut: { name: 'frames_out_total', help: 'Frames sent to one device each.' },
  framesPublished: { name: 'frames_published_total', help: 'Frames handed to the socket library for all devices of an audience at once.' },
  lagging: { name: 'lagging_total', help: 'Times that a device read too slowly and was left to pull.' },
  resyncs: { name: 'resyncs_total', help: 'Resumes answered: what has moved since a device was here.' },
  authFailures: { name: 'auth_failures_total', help: 'Connections whose token was wrong, expired or revoked.' },
  crashes: { name: 'crashes_total', help: 'Entities that crashed.' },
  woken: { name: 'entities_woken_total', help: 'Entities loaded from the store.' },
  passivated: { name: 'entities_passivated_total', help: 'Entities put away after idleness.' },
} as const satisfies Record<string, CounterRow>;

/** Of a node that is one of many: left out where nobody has offered them. */
const offered = {
  view_changes_total: 'Times that this node saw other nodes come or go, or its own standing change.',
  heals_total: 'Times that all sessions looked whether they had missed something, because messages between nodes may have been lost.',
  forwards_total: 'Commands that had come here for a chat of another node, and were passed on to it.',
  handed_over_total: 'Chats held here that another node took over.',
  link_messages_out_total: 'Messages to other nodes.',
  link_bytes_out_total: 'Bytes in those messages.',
  link_envelopes_out_total: 'Envelopes in those messages.',
  link_left_out_total: 'Envelopes to other nodes for which there was no room.',
  link_messages_in_total: 'Messages from other nodes.',
  link_bytes_in_total: 'Bytes in those messages.',
  link_envelopes_in_total: 'Envelopes in those messages.',
  link_gaps_total: 'Times that messages of another node were missing.',
  link_unreadable_total: 'Messages of other nodes that could not be read, or not to their end.',
  link_reconnects_total: 'Times that the connection to NATS was made again.',
  unknown_outcomes_total: 'Appends that the store did not answer in time, and that were submitted again until it did.',
  resubmitted_total: 'Submissions of those, after the first.',
  store_repeated_total: 'Other statements that the store was asked again.',
  serial_reads_total: 'Reads of the store that had to be certain, or to finish what was half done.',
} as const;

/** Read when asked for; one that nobody has offered is left out. */
const gauges = {
  sessions: 'Connected users.',
  connections: 'Open sockets.',
  chats_awake: 'Chats held in memory.',
  audiences_awake: 'Large chats with devices here.',
  mailbox_fullest: 'Commands that wait in the fullest mailbox.',
  quarantined: 'Entities that crashed too often and take no writes.',
  redis_up: '1 while Redis answers; 0 while presence and rate limits are known to this node alone.',
  nodes_seen: 'Nodes in sight, this one among them.',
  shards_owned: 'Of the 4096 shards, those whose chats this node should own.',
  holds_sends: '1 while this node is cut off or sees less than half of the others, and holds sends back.',
  link_waiting_bytes: 'What waits to be sent to other nodes, or to be confirmed.',
  link_subscriptions: 'Users and large chats that this node wants to hear of.',
  lagging_devices: 'Devices that read too slowly and have not caught up yet.',
  admission_waiting: 'Connections, hellos, resumes and heals that wait for their turn.',
} as const;

const distributions = {
  batch: { name: 'batch_entries', help: 'Entries in one append.', bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024] },
  commit: {
    name: 'commit_seconds',
    help: 'From the hand-over of one append to the store until it is durable.',
    bounds: [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4],
  },
  fdatasync: {
    name: 'fdatasync_seconds',
    help: 'Time that the embedded store waited for the disk, once for the appends of many chats.',
    bounds: [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1],
  },
} as const;

const labelled = {
  refusals: { name: 'refusals_total', help: 'Requests of devices that were refused, by code.', label: 'why' },
  transport: { name: 'transport_info', help: '1 for the socket library in use.', label: 'transport' },
  lag: { name: 'event_loop_lag_seconds', help: 'How late the event loop was since the last scrape.', label: 'stat' },
  cpu: { name: 'process_cpu_seconds_total', help: 'CPU time of this process.', label: 'mode' },
} as const;

const ofProcess = {
  process_resident_memory_bytes: { help: 'Memory of this process that is in RAM.', read: () => process.memoryUsage.rss() },
  process_heap_used_bytes: { help: 'JavaScript objects in use.', read: () => process.memoryUsage().heapUsed },
  process_external_memory_bytes: { help: 'Memory outside the heap that JavaScript objects hold.', read: () => process.memoryUsage().external },
  process_start_time_seconds: { help: 'When this process started, in Unix time.', read: () => performance.timeOrigin / 1_000 },
} as const;

/** A label takes at most this many values; further ones are counted as `other`. */
const labelValuesMax = 64;
const fdatasyncs: CounterRow = { name: 'fdatasyncs_total', help: 'Completed fdatasync calls of the embedded store.' };
/** The monitor's timer fires so often; on time is no lag. */
const lagResolutionMs = 10;

export type CounterName = keyof typeof counters;
export type GaugeName = keyof typeof gauges;
export type OfferedName = keyof typeof offered;

export interface Metrics {
  /** Plain numbers; they only rise. */
  readonly counts: Record<CounterName, number>;
  /** One append, of so many entries. */
  batch(entries: number): void;
  /** One append is durable. */
  committed(tookMs: number): void;
  /** One fdatasync has returned. */
  synced(tookMs: number): void;
  refused(why: string): void;
  /** Takes the figure from there, instead of from `counts`. */
  counter(name: CounterName, read: () => number): void;
  gauge(name: GaugeName, read: () => number): void;
  /** A count that only some nodes have. */
  offer(name: OfferedName, read: () => number): void;
  /** Which socket library serves. */
  transport(name: string): void;
  /** Prometheus' text form, version 0.0.4. Rejects when a read throws. */
  text(): Promise<string>;
  /** Stops watching the event loop. */
  close(): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const counts = Object.fromEntries(Object.keys(counters).map((name) => [name, 0])) as Record<CounterName, number>;
  const readers: { -readonly [name in CounterName]?: () => number } = {};
  for (const [key, { name, help }] of Object.entries(counters) as [CounterName, CounterRow][]) counterOf(registry, name, help, () => readers[key]?.() ?? counts[key]);
  for (const [name, { help, read }] of Object.entries(ofProcess)) gaugeOf(registry, name, help, read);
  const batch = distributionOf(registry, distributions.batch);
  const commit = distributionOf(registry, distributions.commit);
  const fdatasync = distributionOf(registry, distributions.fdatasync);
  counterOf(registry, fdatasyncs.name, fdatasyncs.help, () => fdatasync.count);
  cpuOf(registry);
  const transport = new Gauge({ ...named(labelled.transport), registers: [registry] });
  const stopWatching = lagOf(registry);
  return {
    counts,
    batch: (entries) => batch.observe(entries),
    committed: (tookMs) => commit.observe(tookMs / 1_000),
    synced: (tookMs) => fdatasync.observe(tookMs / 1_000),
    refused: refusalsOf(registry),
    counter(name, read) {
      readers[name] = read;
    },
    gauge: (name, read) => gaugeOf(registry, name, gauges[name], read),
    offer: (name, read) => counterOf(registry, name, offered[name], read),
    transport: (name) => transport.set({ transport: name }, 1),
    text: () => registry.metrics(),
    close: stopWatching,
  };
}

function named({ name, help, label }: { readonly name: string; readonly help: string; readonly label: string }): { name: string; help: string; labelNames: string[] } {
  return { name: prefix + name, help, labelNames: [label] };
}

function counterOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name: prefix + name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function gaugeOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name: prefix + name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function distributionOf(registry: Registry, { name, help, bounds }: { readonly name: string; readonly help: string; readonly bounds: readonly number[] }): Distribution {
  const distribution = new Distribution(prefix + name, help, bounds);
  registry.registerMetric(distribution as unknown as Metric); // the registry asks no more of a metric than its name and `get`
  return distribution;
}

function refusalsOf(registry: Registry): (why: string) => void {
  const byWhy = new Map<string, number>();
  new Counter({
    ...named(labelled.refusals),
    registers: [registry],
    collect() {
      this.reset();
      for (const [why, count] of byWhy) this.inc({ why }, count);
    },
  });
  return (why) => {
    const value = byWhy.has(why) || byWhy.size < labelValuesMax ? why : 'other';
    byWhy.set(value, (byWhy.get(value) ?? 0) + 1);
  };
}

function cpuOf(registry: Registry): void {
  new Counter({
    ...named(labelled.cpu),
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc({ mode: 'user' }, user / 1e6);
      this.inc({ mode: 'system' }, system / 1e6);
    },
  });
}

function lagOf(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1_000);
  new Gauge({
    ...named(labelled.lag),
    registers: [registry],
    collect() {
      this.set({ stat: 'p99' }, late(delay.percentile(99)));
      this.set({ stat: 'max' }, late(delay.max));
      delay.reset();
    },
  });
  return () => void delay.disable();
}
