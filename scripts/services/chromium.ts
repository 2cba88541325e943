// A Chromium for the tests in a real browser: finds the machine's, or installs Debian's. `node scripts/services/chromium.ts` does it ahead of the tests.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { canInstall, installCommand, installPackages } from './apt.ts';

/** There is none, and none can be had; the message says what to do. */
export class NoChromium extends Error {}

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
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
  const byHand = installCommand(['chromium']);
  if (!canInstall()) throw new NoChromium(`Tests in a real browser need Chromium. Install it (Debian: \`sudo ${byHand}\`), or set PARLEY_CHROMIUM to where it is.`);
  say('Installing Chromium with apt-get (about 100 MB; up to a few minutes) …');
  const problem = installPackages(['chromium']);
  if (problem !== undefined) throw new NoChromium(`Installing Chromium failed: ${problem}. Try \`${byHand}\` by hand, or set PARLEY_CHROMIUM to where one is.`);
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
