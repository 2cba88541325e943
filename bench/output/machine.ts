// What the figures were measured on.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Of the code that was measured, where it is a git repository; null elsewhere. */
  readonly commit: string | null;
}

let looked: Machine | undefined;

/** Looked up once, before this process is pinned. */
export function thisMachine(): Machine {
  looked ??= {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Number((totalmem() / 2 ** 30).toFixed(1)),
    system: `${distribution()}${type()} ${release().split('-')[0]} ${arch()}`,
    node: process.version,
    commit: commit(),
  };
  return looked;
}

export function machineText({ cpu, cores, memoryGib, system, node, commit: hash }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node.slice(1)}${hash === null ? '' : `, commit ${hash}`}`;
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name === undefined ? '' : `${name}, `;
  } catch {
    return '';
  }
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short=10', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
