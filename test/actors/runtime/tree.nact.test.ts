// The supervision tree: order of starting and stopping, restarts with a limit, notices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelEvent } from '../../../src/actors/runtime/events.ts';
import { startTree, type TreeChild, type TreeEvent } from '../../../src/actors/runtime/tree.nact.ts';
import { FakeClock } from '../../sim/clock.ts';

/** What happened, in order, and a way to wait until something has. */
class Diary {
  readonly lines: string[] = [];
  #waiting: { readonly line: string; readonly times: number; readonly resolve: () => void }[] = [];

  note(line: string): void {
    this.lines.push(line);
    const isThere = (one: { readonly line: string; readonly times: number }): boolean => this.#count(one.line) >= one.times;
    for (const { resolve } of this.#waiting.filter(isThere)) resolve();
    this.#waiting = this.#waiting.filter((one) => !isThere(one));
  }

  until(line: string, times = 1): Promise<void> {
    return this.#count(line) >= times ? Promise.resolve() : new Promise((resolve) => this.#waiting.push({ line, times, resolve }));
  }

  #count(line: string): number {
    return this.lines.filter((one) => one === line).length;
  }

  readonly report = (event: TreeEvent): void => this.note(`${event.child} ${event.kind}`);

  child(name: string, more: Partial<TreeChild> = {}): TreeChild {
    return { name, start: () => this.note(`start ${name}`), stop: () => this.note(`stop ${name}`), ...more };
  }
}

const crashed = (actor: string, id: string): KernelEvent => ({ kind: 'crashed', actor, id, where: 'step', error: new Error('fell') });

function needs(): { clock: FakeClock; random: () => number; restarts: { max: number; withinMs: number; backoffMsMin: number; backoffMsMax: number } } {
  return { clock: new FakeClock(), random: () => 0.5, restarts: { max: 2, withinMs: 60_000, backoffMsMin: 100, backoffMsMax: 1_000 } };
}

test('children start in order, each after the one before, and stop in reverse', async () => {
  const diary = new Diary();
  const slow = {
    start: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      diary.note('start link');
    },
  };
  const tree = await startTree([diary.child('link', slow), diary.child('sessions'), diary.child('sockets')], () => undefined, needs());
  await tree.stop();
  await tree.stop();
  assert.deepEqual(diary.lines, ['start link', 'start sessions', 'start sockets', 'stop sockets', 'stop sessions', 'stop link']);
});

test('a child that does not start fails the tree: it and those before it are stopped, those behind it never start', async () => {
  const diary = new Diary();
  const broken = { start: () => Promise.reject(new Error('port in use')) };
  await assert.rejects(startTree([diary.child('link'), diary.child('sockets', broken), diary.child('last')], diary.report, needs()), /port in use/);
  assert.deepEqual(diary.lines, ['start link', 'link started', 'stop sockets', 'sockets stopped', 'stop link', 'link stopped']);
});

test('a child that fails is stopped and started again after a rest; its neighbours are not', async () => {
  const diary = new Diary();
  const given = needs();
  let fail: (error: unknown) => void = () => undefined;
  let starts = 0;
  const failing = {
    start: (failed: (error: unknown) => void) => {
      fail = failed;
      starts += 1;
      diary.note(`start sockets ${starts}`);
    },
  };
  const tree = await startTree([diary.child('link'), diary.child('sockets', failing)], diary.report, given);
  fail(new Error('gone'));
  fail(new Error('told twice'));
  await diary.until('sockets failed');
  assert.equal(starts, 1);
  await given.clock.advance(1_000);
  await diary.until('start sockets 2');
  await tree.stop();
  assert.deepEqual(
    diary.lines.filter((line) => line.startsWith('st')),
    ['start link', 'start sockets 1', 'stop sockets', 'start sockets 2', 'stop sockets', 'stop link'],
  );
  assert.equal(diary.lines.filter((line) => line === 'sockets failed').length, 1);
});

test('a child that fails too often stays down, and the tree says so', async () => {
  const diary = new Diary();
  const given = needs();
  let starts = 0;
  const failing = {
    start: (failed: (error: unknown) => void) => {
      starts += 1;
      diary.note(`start ${starts}`);
      if (starts > 1) throw new Error('still gone');
      failed(new Error('gone'));
    },
  };
  const tree = await startTree([diary.child('sockets', failing)], diary.report, given);
  const restTwice = async (): Promise<void> => {
    for (const line of ['start 2', 'start 3']) {
      while (!diary.lines.includes(line)) {
        await given.clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve)); // nact's turn
      }
    }
  };
  await restTwice();
  await diary.until('sockets gaveUp');
  await given.clock.advance(60_000);
  assert.equal(starts, 3);
  await tree.stop();
});

test('a restart and a start never overlap, however slow they are', async () => {
  const diary = new Diary();
  const given = needs();
  let busy = 0;
  let most = 0;
  let fail: (error: unknown) => void = () => undefined;
  const slowly = async (what: string): Promise<void> => {
    busy += 1;
    most = Math.max(most, busy);
    for (let at = 0; at < 5; at += 1) await new Promise((resolve) => setImmediate(resolve));
    busy -= 1;
    diary.note(what);
  };
  const child = {
    hosts: ['chat'],
    start: (failed: (error: unknown) => void) => {
      fail = failed;
      return slowly('start');
    },
    stop: () => slowly('stop'),
    hear: () => slowly('heard'),
  };
  const tree = await startTree([diary.child('chats', child)], diary.report, given);
  tree.hear(crashed('chat', 'one'));
  fail(new Error('gone'));
  await diary.until('chats failed');
  await given.clock.advance(200);
  tree.hear(crashed('chat', 'two'));
  await diary.until('start', 2);
  await tree.stop();
  assert.equal(most, 1);
  assert.equal(busy, 0);
  assert.deepEqual(
    diary.lines.filter((line) => !line.includes(' ')),
    ['start', 'heard', 'stop', 'start', 'heard', 'stop'],
  );
});

test('what the kernel reports reaches the child that hosts the entity, in order; of a flood the rest is counted', async () => {
  const diary = new Diary();
  const heard: string[] = [];
  let left = 0;
  const hearing = {
    hosts: ['chat'],
    hear: (events: readonly KernelEvent[], missed: number) => {
      heard.push(...events.map(({ id }) => id));
      left += missed;
      if (left > 0) diary.note('heard');
    },
  };
  const tree = await startTree([diary.child('chats', hearing), diary.child('sessions', { hosts: ['session'] })], () => undefined, needs());
  for (let at = 0; at < 1_500; at += 1) tree.hear(crashed('chat', `${at}`));
  tree.hear(crashed('session', 'x'));
  tree.hear(crashed('nobody', 'x'));
  await diary.until('heard');
  assert.deepEqual([heard.length, heard[0], heard[999], left], [1_000, '0', '999', 500]);
  await tree.stop();
  tree.hear(crashed('chat', 'late'));
  assert.equal(heard.length, 1_000);
});

test('a child that throws while it hears is restarted', async () => {
  const diary = new Diary();
  const given = needs();
  const hearing = {
    hosts: ['chat'],
    hear: () => {
      throw new Error('deaf');
    },
  };
  const tree = await startTree([diary.child('chats', hearing)], diary.report, given);
  tree.hear(crashed('chat', 'one'));
  await diary.until('chats failed');
  await given.clock.advance(200);
  await diary.until('chats stopped');
  await tree.stop();
  assert.deepEqual(diary.lines, ['start chats', 'chats started', 'chats failed', 'stop chats', 'chats stopped', 'start chats', 'chats started', 'stop chats', 'chats stopped']);
});

test('stopping ends a rest, and reports a child that does not stop', async () => {
  const diary = new Diary();
  const given = needs();
  let fail: (error: unknown) => void = () => undefined;
  const child = {
    start: (failed: (error: unknown) => void) => {
      fail = failed;
    },
    stop: () => Promise.reject(new Error('stuck')),
  };
  const tree = await startTree([diary.child('link'), diary.child('sockets', child)], diary.report, given);
  fail(new Error('gone'));
  await diary.until('sockets failed');
  assert.equal(given.clock.pending, 1);
  await tree.stop();
  assert.equal(given.clock.pending, 0);
  assert.ok(diary.lines.includes('sockets stopFailed'));
  assert.ok(diary.lines.includes('link stopped'));
});
