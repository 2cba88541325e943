// Runs test files, some at a time, and says what matters: a line a file, failures in full, the numbers.
import { type FileResult, type Limits, runFile } from './file.ts';
import { shortOf } from './reporter.ts';

export interface Counts {
  readonly tests: number;
  readonly pass: number;
  readonly fail: number;
  readonly cancelled: number;
  readonly skipped: number;
  readonly todo: number;
  /** `file: name of the test`. */
  readonly failures: readonly string[];
}

const none: Counts = { tests: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, failures: [] };

export function sum(one: Counts, other: Counts): Counts {
  return {
    tests: one.tests + other.tests,
    pass: one.pass + other.pass,
    fail: one.fail + other.fail,
    cancelled: one.cancelled + other.cancelled,
    skipped: one.skipped + other.skipped,
    todo: one.todo + other.todo,
    failures: [...one.failures, ...other.failures],
  };
}

export async function runTests(files: readonly string[], concurrency: number, print: (line: string) => void, limits?: Limits): Promise<Counts> {
  const waiting = [...files];
  let counts = none;
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, limits);
      print(told(shortOf(file), result));
      counts = sum(counts, countsOf(shortOf(file), result));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return counts;
}

function countsOf(file: string, { counts: { passed: pass, cancelled, skipped, todo }, failures }: FileResult): Counts {
  const fail = failures.length - cancelled;
  return { tests: pass + fail + cancelled + skipped + todo, pass, fail, cancelled, skipped, todo, failures: failures.map(({ test }) => `${file}: ${shortOf(test)}`) };
}

function told(file: string, { counts, failures, output, ms }: FileResult): string {
  const head = `${failures.length > 0 ? '✖' : '✔'} ${file}: ${counts.passed} passed, ${failures.length > 0 ? `${failures.length} failed, ` : ''}${(ms / 1_000).toFixed(1)} s`;
  const parts = failures.map(({ test, place, error }) => `✖ ${place}: ${shortOf(test)}\n${indented(error)}`);
  if (failures.length > 0 && output !== '') parts.push(indented(`what it wrote:\n${output}`));
  return [head, ...parts].join('\n');
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}
