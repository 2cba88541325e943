// What a process wrote, sent and synced, in the order in which the kernel was asked: read from the output of `strace -f -yy -xx`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

/** One system call. Its place is the number of the line on which it began, and on which it was over: what began later than another one's end came after it. */
export interface Call {
  readonly name: string;
  /** What strace says the descriptor is: a path, or `TCP:[…->…]`. */
  readonly target: string;
  /** The bytes that the kernel took. */
  readonly bytes: Buffer;
  readonly began: number;
  readonly over: number;
  /** What it returned. */
  readonly result: number;
}

const traced = 'write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,fdatasync,fsync,msync,sync_file_range';
const stringMax = 8 * 1024 * 1024;

/** Watches the process until it ends. Resolves once every thread is being watched; throws with what to do where strace cannot. */
export async function traceInto(file: string, pid: number): Promise<ChildProcess> {
  const strace = spawn('strace', ['-f', '-yy', '-xx', '-s', String(stringMax), '-e', `trace=${traced}`, '-e', 'signal=none', '-o', file, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let says = '';
  const attached = new Promise<void>((resolve, reject) => {
    strace.stderr?.on('data', (part: Buffer) => {
      says += part.toString();
      if (/attached/.test(says)) resolve();
      if (/not permitted|attach: /.test(says)) reject(new Error(`strace may not watch a process here: ${says.trim()}. Run this test as root, or with kernel.yama.ptrace_scope=0.`));
    });
    strace.once('error', () => reject(new Error('This test needs strace: apt-get install strace')));
    strace.once('close', () => reject(new Error(`strace ended: ${says}`)));
  });
  await attached;
  return strace;
}

/** Resolves when strace has written all that it saw; to be called when the watched process has ended. */
export async function callsSeen(strace: ChildProcess, file: string): Promise<readonly Call[]> {
  if (strace.exitCode === null && strace.signalCode === null) await once(strace, 'close');
  return callsOf((await readFile(file, 'latin1')).split('\n'));
}

/** Calls in the order in which they were over. */
export function callsOf(lines: readonly string[]): readonly Call[] {
  const calls: Call[] = [];
  const begun = new Map<string, { readonly text: string; readonly began: number }>();
  for (const [at, line] of lines.entries()) {
    const split = /^(\d+) +(.*)$/s.exec(line);
    if (split === null) continue;
    const [, thread = '', text = ''] = split;
    const unfinished = text.endsWith('<unfinished ...>');
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    if (unfinished) begun.set(thread, { text: text.slice(0, -'<unfinished ...>'.length), began: at });
    else if (resumed !== null) {
      const first = begun.get(thread);
      if (first !== undefined) add(calls, first.text + text.slice(resumed[0].length), first.began, at);
      begun.delete(thread);
    } else add(calls, text, at, at);
  }
  return calls;
}

function add(calls: Call[], text: string, began: number, over: number): void {
  const call = /^(\w+)\(\d+<((?:->|\\x[0-9a-f]{2}|[^>\\])*)>/.exec(text);
  const result = /\) += (-?\d+)[^"]*$/.exec(text);
  if (call === null || result === null) return;
  const [, name = '', target = ''] = call;
  if (/"\.\.\./.test(text)) throw new Error(`strace has shortened a string of ${name}`);
  const taken = Number(result[1]);
  const written = Buffer.concat([...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => Buffer.from(hex.replaceAll('\\x', ''), 'hex')));
  calls.push({ name, target: plain(target), bytes: written.subarray(0, Math.max(0, taken)), began, over, result: taken });
}

function plain(target: string): string {
  return target.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
