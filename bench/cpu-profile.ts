// Whose code a process ran: a CPU profile as Node writes it (--cpu-prof), cut to a stretch of time and summed by package.

/** As in the file; times in microseconds, `startTime` on the system's monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly url: string; readonly functionName: string };
  readonly children?: readonly number[];
}

/**
 * `sockets`: reads, writes and polls of the system, for devices, NATS and Cassandra alike, and whatever else runs outside of JavaScript. `ours` holds all
 * that has no column of its own, other packages too; `bench` is what a benchmark runs in the same process. Node's own JavaScript counts for the package that called it.
 */
export const columns = ['ours', 'NATS client', 'CQL driver', 'sockets', 'garbage', 'bench'] as const;
export type Column = (typeof columns)[number];
export type Split = Readonly<Record<Column, number>>;

export const nothing: Split = { ours: 0, 'NATS client': 0, 'CQL driver': 0, sockets: 0, garbage: 0, bench: 0 };

/** All of them together, times `factor`. */
export function sumOfSplits(splits: readonly Split[], factor = 1): Split {
  const sums: Record<Column, number> = { ...nothing };
  for (const split of splits) for (const column of columns) sums[column] += split[column] * factor;
  return sums;
}

/** The system's monotonic clock, as profiles have it. */
export function profileNowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** How long each column was run between two moments, in microseconds by the clock on the wall: shares of it are shares of the processor. */
export function splitOf({ nodes, startTime, samples, timeDeltas }: CpuProfile, fromUs: number, toUs: number): Split {
  const columnOf = columnsOf(nodes);
  const sums: Record<Column, number> = { ...nothing };
  let atUs = startTime;
  for (const [nth, sample] of samples.entries()) {
    atUs += timeDeltas[nth] ?? 0;
    const column = columnOf.get(sample);
    // What was seen at a sample is taken to have run until the next one.
    if (column !== undefined && atUs >= fromUs && atUs < toUs) sums[column] += timeDeltas[nth + 1] ?? 0;
  }
  return sums;
}

/** How long each function of `column` was run itself, without those that it called, in microseconds by the clock on the wall. */
export function functionsOf({ nodes, startTime, samples, timeDeltas }: CpuProfile, fromUs: number, toUs: number, column: Column): ReadonlyMap<string, number> {
  const columnOf = columnsOf(nodes);
  const names = new Map(nodes.map(({ id, callFrame: { url, functionName } }) => [id, `${functionName || '(nameless)'} ${url.slice(url.lastIndexOf('/') + 1)}`]));
  const sums = new Map<string, number>();
  let atUs = startTime;
  for (const [nth, sample] of samples.entries()) {
    atUs += timeDeltas[nth] ?? 0;
    const name = names.get(sample) ?? '';
    if (columnOf.get(sample) === column && atUs >= fromUs && atUs < toUs) sums.set(name, (sums.get(name) ?? 0) + (timeDeltas[nth + 1] ?? 0));
  }
  return sums;
}

/** Of each node of the profile; idle ones have none. */
function columnsOf(nodes: readonly ProfileNode[]): ReadonlyMap<number, Column> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Map<number, Column>();
  const visit = (id: number, callers: Column | undefined): void => {
    const node = byId.get(id);
    if (node === undefined || isAsleep(node.callFrame)) return;
    const own = ownColumn(node.callFrame);
    const column = own === 'callers' ? (callers ?? 'sockets') : own;
    found.set(id, column);
    // What the system's sockets call back into is nobody's yet.
    for (const child of node.children ?? []) visit(child, own === 'callers' ? callers : own === 'sockets' ? undefined : own);
  };
  for (const { id, callFrame } of nodes) if (callFrame.functionName === '(root)') visit(id, undefined);
  return found;
}

/** Nothing runs: the thread waits for events, or a busy event loop rests (ADR 13). */
export function isAsleep({ url, functionName }: ProfileNode['callFrame']): boolean {
  return functionName === '(idle)' || (functionName === 'rest' && url.endsWith('/event-loop.node.ts'));
}

/** The methods of Node's native sockets. */
const socketCalls = /^(?:write|writev|writeBuffer|write\w+String|readStart|readStop|shutdown|setNoDelay|setKeepAlive|onread)$/;

function ownColumn({ url, functionName }: ProfileNode['callFrame']): Column | 'callers' {
  if (functionName === '(garbage collector)') return 'garbage';
  if (functionName === '(program)') return 'sockets';
  if (functionName === '(root)') return 'callers';
  if (url === '') return socketCalls.test(functionName) ? 'sockets' : 'callers';
  if (url.startsWith('node:')) return 'callers';
  if (functionName === '#write' && url.endsWith('/server.uws.ts')) return 'sockets'; // the library's own write, which profiles do not show, and next to nothing else
  if (url.includes('/@nats-io/')) return 'NATS client';
  if (url.includes('/cassandra-driver/') || url.includes('/long/')) return 'CQL driver';
  return url.includes('/bench/') ? 'bench' : 'ours';
}
