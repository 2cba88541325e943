// What the operating system says about a process: processor time, memory, waiting. Linux only; elsewhere the figures are null.
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100; // USER_HZ, the same on every Linux that Node runs on

/** A process at one moment. */
export interface Usage {
  readonly atMs: number;
  /** Of all its threads, user and system. Null where the system does not tell. */
  readonly cpuSeconds: number | null;
  /** How long its main thread stood ready but had no processor, because something else had it. */
  readonly waitedSeconds: number | null;
}

/** Between two moments. */
export interface Used {
  readonly wallSeconds: number;
  readonly cpuSeconds: number | null;
  /** Share of one core. */
  readonly utilisation: number | null;
  /** Share of the time during which it wanted its core and something else had it. */
  readonly contention: number | null;
}

export function usageOf(pid: number): Usage {
  return { atMs: performance.now(), cpuSeconds: cpuSecondsOf(pid), waitedSeconds: waitedSecondsOf(pid) };
}

export function usedBetween(before: Usage, after: Usage): Used {
  return usedOver([{ before, after }]);
}

/** Of several stretches together. */
export function usedOver(stretches: readonly { readonly before: Usage; readonly after: Usage }[]): Used {
  let wallSeconds = 0;
  let cpuSeconds: number | null = 0;
  let waitedSeconds: number | null = 0;
  for (const { before, after } of stretches) {
    wallSeconds += (after.atMs - before.atMs) / 1_000;
    cpuSeconds = addDifference(cpuSeconds, before.cpuSeconds, after.cpuSeconds);
    waitedSeconds = addDifference(waitedSeconds, before.waitedSeconds, after.waitedSeconds);
  }
  return {
    wallSeconds,
    cpuSeconds,
    utilisation: cpuSeconds === null ? null : cpuSeconds / wallSeconds,
    contention: waitedSeconds === null ? null : waitedSeconds / wallSeconds,
  };
}

/** Processor time so far of the main thread and of all others, to the nanosecond; null where the system does not tell. */
export function threadSecondsOf(pid: number): { readonly main: number; readonly others: number } | null {
  try {
    let [main, others] = [0, 0];
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const seconds = Number((textOf(`/proc/${pid}/task/${task}/schedstat`) ?? '0').split(' ')[0]) / 1e9; // one that has just ended counts for nothing
      if (Number(task) === pid) main = seconds;
      else others += seconds;
    }
    return { main, others };
  } catch {
    return null;
  }
}

/** Processor time so far of all threads of one name together, by names as the system has them: cut to 15 letters. */
export function namedThreadSecondsOf(pid: number): ReadonlyMap<string, number> {
  const seconds = new Map<string, number>();
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const name = textOf(`/proc/${pid}/task/${task}/comm`)?.trim();
    if (name === undefined) continue; // it has just ended
    const own = Number((textOf(`/proc/${pid}/task/${task}/schedstat`) ?? '0').split(' ')[0]) / 1e9;
    seconds.set(name, (seconds.get(name) ?? 0) + own);
  }
  return seconds;
}

/** Resident memory; null where the system does not tell. */
export function rssBytesOf(pid: number): number | null {
  const line = textOf(`/proc/${pid}/status`)?.match(/^VmRSS:\s+(\d+) kB$/m);
  return line ? Number(line[1]) * 1_024 : null;
}

function cpuSecondsOf(pid: number): number | null {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === undefined) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // the name before it may hold spaces
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function waitedSecondsOf(pid: number): number | null {
  const text = textOf(`/proc/${pid}/schedstat`);
  return text === undefined ? null : Number(text.split(' ')[1]) / 1e9;
}

function addDifference(sum: number | null, before: number | null, after: number | null): number | null {
  return sum === null || before === null || after === null ? null : sum + after - before;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // no such process, or no such system
  }
}

/** How many files and sockets the process has open. */
export function openFilesOf(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}
