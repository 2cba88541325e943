// A Chromium for the tests in a real browser: finds the machine's, or installs Debian's. `node scripts/services/chromium.ts` does it ahead of the tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** There is none, and none can be had; the message says what to do. */
export class NoChromium extends Error {}

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const installMsMax = 10 * 60_000;
/** Nothing of it leaves this machine, and nothing is fetched in the background. */
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** Where it is; PARLEY_CHROMIUM names another one. Undefined: nowhere. */
export function findChromium(): string | undefined {
  const named = process.env['PARLEY_CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/bin', '/usr/local/bin');
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

/** Finds or installs. `say` is told what is done and how long it may take. Throws NoChromium. */
export function haveChromium(say: (text: string) => void): string {
  const found = findChromium();
  if (found !== undefined) return found;
  const apt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' });
  if (apt.status !== 0 || process.getuid?.() !== 0)
    throw new NoChromium('Tests in a real browser need Chromium. Install it (Debian: `sudo apt-get install chromium`), or set PARLEY_CHROMIUM to where it is.');
  say('Installing Chromium with apt-get (about 100 MB; up to a few minutes) …');
  try {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore', timeout: installMsMax, env: environment });
    execFileSync('apt-get', ['install', '-qy', '--no-install-recommends', 'chromium'], { stdio: 'ignore', timeout: installMsMax, env: environment });
  } catch (cause) {
    throw new NoChromium('Installing Chromium failed. Try `apt-get install chromium` by hand, or set PARLEY_CHROMIUM to where one is.', { cause });
  }
  const installed = findChromium();
  if (installed === undefined) throw new NoChromium('Chromium was installed, but is not to be found. Set PARLEY_CHROMIUM to where it is.');
  say('Chromium is installed.');
  return installed;
}

export async function launchChromium(say: (text: string) => void): Promise<Browser> {
  return await chromium.launch({ executablePath: haveChromium(say), args: flags });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] === import.meta.filename) process.stdout.write(`${haveChromium((text) => process.stdout.write(`${text}\n`))}\n`);
