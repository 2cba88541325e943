// The page of a bench run opens from disk in a real browser, without a network, and draws.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Latency } from '../../bench/generator/latency.ts';
import { reportOf } from '../../bench/output/file.ts';
import { thisMachine } from '../../bench/output/machine.ts';
import { writePage } from '../../bench/output/page.ts';
import { plotsOf } from '../../bench/output/plots.ts';
import type { Step } from '../../bench/output/steps.ts';
import { launchChromium } from '../../scripts/services/chromium.ts';

const step = (target: string, rate: number): Step => ({
  ...{ kind: 'step', at: '2026-11-25T12:00:10.000Z', target, phase: 'measure', rate, seconds: 3, messagesPerSecond: rate, deliveriesPerSecond: rate },
  ...{ p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5, endedEarly: false, sent: 300, received: 300, lost: 0, doubled: 0, reordered: 0, healed: 0, blocked: 0, refused: 0 },
  ...{ serverCpu: 0.5, serverWaited: null, serverRssMiB: 80, loopLagP99Ms: 1, loopLagMaxMs: 2, fdatasyncs: 9, generatorCpu: 0.2, generatorWaited: null },
  samples: [0.25, 0.5].map((at) => ({ at, cpu: 0.4, rssMiB: 79 })),
  histogram: new Latency().dump(),
});

test('every plot is drawn, nothing is asked for, nothing goes wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-page-'));
  const browser = await launchChromium((text) => process.stderr.write(`${text}\n`));
  try {
    const run = { kind: 'run', at: '2026-11-25T12:00:00.000Z', scenario: 'one-to-one', params: { pairs: 5 }, machine: thisMachine() } as const;
    const report = reportOf([run, step('parley', 100), step('parley', 200), step('baseline', 300)], 'x');
    const path = join(folder, 'run.html');
    writePage(report, path);
    const page = await browser.newPage();
    const asked: string[] = [];
    const wrong: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.goto(pathToFileURL(path).href);
    assert.equal(await page.locator('.plot canvas').count(), plotsOf(report).length);
    assert.deepEqual([asked, wrong], [[pathToFileURL(path).href], []]);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
});
