// The operator's command, as it is typed.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What it says. Rejects where it ends with another code than 0; what it said is in `stdout` and `stderr`. */
export async function parley(...words: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [main, ...words])).stdout.trim();
}
