// What is checked without running anything: types (each tsconfig by itself) and lint with formatting. It takes only what others leave of the processors.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';

/** Undefined if all is well; else what to look at. */
export async function checkTypes(root: string): Promise<string | undefined> {
  const folders = ['.', ...readdirSync(join(root, 'src')).map((name) => `src/${name}`)].filter((folder) => existsSync(join(root, folder, 'tsconfig.json')));
  const projects = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /^tsconfig.*\.json$/.test(name))
      .map((name) => join(folder, name)),
  );
  const failed: string[] = [];
  for (const project of projects) if (!(await runs(['node_modules/typescript/bin/tsc', '-p', project]))) failed.push(project);
  return failed.length > 0 ? `types: ${failed.join(', ')} (npx tsc -p …)` : say(`types: ${projects.length} projects`);
}

export async function checkLint(): Promise<string | undefined> {
  const good = await runs(['node_modules/@biomejs/biome/bin/biome', 'check', '--diagnostic-level=error', '.']);
  return good ? say('lint') : 'lint: what can be mended without thinking is, by `npm run format`';
}

/** Shows what it says only if it fails. */
function runs(args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) process.stdout.write(output);
      resolve(code === 0);
    });
  });
}

function say(what: string): undefined {
  process.stdout.write(`✔ ${what}\n`);
}
