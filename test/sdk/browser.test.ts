// The SDK in a real browser: IndexedDB keeps the storage contract, two tabs do not share an outbox, a page that is loaded again goes on where it was.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { Parley } from '../../scripts/services/parley.ts';
import { Parley as Client } from '../../src/sdk/parley.ts';
import { storagePromises } from './storage.contract.ts';

/** in-browser.mjs, there. */
interface InBrowser {
  keepPromise(at: number): Promise<void>;
  register(url: string, handle: string, password: string): Promise<void>;
  /** `inUse`: another tab has it. */
  open(handle: string, whenInUse?: 'reject' | 'wait'): Promise<'open' | 'inUse'>;
  /** Resolves with the seq. */
  say(handle: string, text: string): Promise<number>;
  /** Resolves when it is kept. */
  write(handle: string, text: string): Promise<void>;
  seen(handle: string): Promise<string[]>;
  sees(handle: string, text: string): Promise<void>;
  heard(): string[];
  close(): Promise<void>;
}
declare const sdk: InBrowser;

const password = 'correct horse battery';
let browser: Browser | undefined;
let context: BrowserContext;
let pages: Server | undefined;
let url: string;
let server: Parley;
const clients: Client[] = [];

before(async () => {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, 'in-browser.mjs')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sdk',
    target: 'es2023',
    logLevel: 'error',
  });
  const html = `<!doctype html><meta charset="utf-8"><title>sdk</title><script>${bundle.outputFiles[0]?.text.replaceAll('</script', '<\\/script')}</script>`;
  pages = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html)).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`;
  server = await Parley.start();
  browser = await launchChromium((text) => process.stderr.write(`${text}\n`));
  context = await browser.newContext();
});
/** Also what a failed test has left behind. */
after(async () => {
  await Promise.all([...clients.map((client) => client.close()), browser?.close()]);
  await server?.stop();
  pages?.close();
});

async function client(handle: string): Promise<Client> {
  const made = await Client.register({ url: server.apiUrl, handle, password });
  clients.push(made);
  return made;
}

async function tab(): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await page.goto(url);
  return page;
}

for (const [at, { says }] of storagePromises.entries()) {
  test(`IndexedDB: ${says}`, async () => {
    const page = await tab();
    await page.evaluate((promise) => sdk.keepPromise(promise), at);
    await page.close();
  });
}

test('a browser and a Node program talk; the page is loaded again and goes on with what it kept', async () => {
  const bob = await client('bob');
  const page = await tab();
  await page.evaluate(([api, word]) => sdk.register(api as string, 'ann', word as string), [server.apiUrl, password]);
  const heard = new Promise<string>((resolve) => bob.on('message', ({ text }) => resolve(text)));
  assert.equal(await page.evaluate(() => sdk.say('bob', 'hello from a page')), 2);
  assert.equal(await heard, 'hello from a page');
  await (await bob.directChat('ann')).send('hello back');
  await page.waitForFunction(() => sdk.heard().includes('hello back'));
  await page.reload();
  assert.equal(await page.evaluate(() => sdk.open('ann')), 'open');
  assert.deepEqual(await page.evaluate(() => sdk.seen('bob')), ['*', 'hello from a page', 'hello back']);
  assert.equal(await page.evaluate(() => sdk.say('bob', 'again')), 4);
  await page.close();
});

test('a second tab with the same account is told so, and may wait for the first', async () => {
  const first = await tab();
  await first.evaluate(([api, word]) => sdk.register(api as string, 'carl', word as string), [server.apiUrl, password]);
  const second = await tab();
  assert.equal(await second.evaluate(() => sdk.open('carl')), 'inUse');
  const waiting = second.evaluate(() => sdk.open('carl', 'wait'));
  await first.evaluate(() => sdk.close());
  assert.equal(await waiting, 'open');
  await Promise.all([first.close(), second.close()]);
});

test('what was written in a page that was closed at once goes out when it is opened again', async () => {
  const eve = await client('eve');
  const heard = new Promise<void>((resolve) => eve.on('message', ({ text }) => text === 'second' && resolve()));
  const page = await tab();
  await page.evaluate(([api, word]) => sdk.register(api as string, 'dora', word as string), [server.apiUrl, password]);
  await page.evaluate(() => sdk.say('eve', 'first'));
  await context.setOffline(true);
  await page.evaluate(() => sdk.write('eve', 'second'));
  await page.close();
  await context.setOffline(false);
  const again = await tab();
  assert.equal(await again.evaluate(() => sdk.open('dora')), 'open');
  await heard;
  // Eve may hear it before its own page hears that it was sent.
  await again.evaluate(() => sdk.sees('eve', 'second'));
  assert.deepEqual(await again.evaluate(() => sdk.seen('eve')).then((texts) => texts.slice(0, 3)), ['*', 'first', 'second']);
  await again.close();
});
