// Runs test files with Node's own runner and says what matters: a line a file, failures in full, the numbers.
import { run } from 'node:test';
import { inspect } from 'node:util';

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

/** A file that takes longer is ended, and has failed. */
const fileMsMax = 8 * 60_000;
const outputShownMax = 20_000;

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

export async function runTests(files: readonly string[], concurrency: number): Promise<Counts> {
  if (files.length === 0) return none;
  // The runner reports file by file, so what has come since the last file's numbers belongs to the next file.
  let failed: string[] = [];
  let output = '';
  const failures: string[] = [];
  let counts = none;
  for await (const { type, data } of run({ files: [...files], concurrency, timeout: fileMsMax })) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      if (output.length < outputShownMax) output += data.message;
    } else if (type === 'test:fail') {
      if ((data.details.error as { failureType?: string }).failureType === 'subtestsFailed') continue; // those have been told
      failed.push(data.name);
      print(`✖ ${shortOf(data.file)}:${data.line}: ${data.name}\n${indented(errorText(data.details.error))}`);
      if (shortOf(data.name) !== shortOf(data.file)) continue;
      print(indented(`what it wrote:\n${output}`)); // the file itself: it did not load, or was ended
      output = '';
    } else if (type === 'test:summary') {
      const { tests, passed, cancelled, skipped, todo } = data.counts;
      counts = { tests, pass: passed, fail: data.counts.failed, cancelled, skipped, todo, failures };
      if (data.file === undefined) continue; // of all files: the last to come
      const file = shortOf(data.file);
      print(`${failed.length > 0 ? '✖' : '✔'} ${file}: ${passed} passed, ${failed.length > 0 ? `${failed.length} failed, ` : ''}${(data.duration_ms / 1_000).toFixed(1)} s`);
      if (failed.length > 0 && output !== '') print(indented(`what it wrote:\n${output}`));
      failures.push(...failed.map((name) => `${file}: ${name}`));
      failed = [];
      output = '';
    }
  }
  failures.push(...failed);
  return { ...counts, failures };
}

function errorText(error: Error): string {
  return inspect(error.cause ?? error, { depth: 6 });
}

function shortOf(file: string | undefined): string {
  return file === undefined ? 'the runner' : file.slice(Math.max(0, file.lastIndexOf('/test/') + 1));
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
