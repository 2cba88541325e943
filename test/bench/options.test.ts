// The command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, Usage } from '../../bench/options.ts';

test('a scenario has its own settings, with defaults', () => {
  const { scenario, values, rate, measuredMs, baseline } = readOptions(['fan-out', '--start', '--members', '1000']);
  assert.equal(scenario.name, 'fan-out');
  assert.deepEqual(values, { rooms: 1, members: 1_000, body: 100 });
  assert.deepEqual([rate, measuredMs, baseline], [undefined, 10_000, 'plain']);
  assert.equal(readOptions(['one-to-one', '--start', '--rate', '250']).rate, 250);
});

test('another machine is no target unless that is said', () => {
  const remote = ['one-to-one', '--tokens', 'some.jsonl', '--url', 'ws://chat.example.com:8080'];
  assert.throws(() => readOptions(remote), /another machine/);
  assert.equal(readOptions([...remote, '--allow-remote']).url.hostname, 'chat.example.com');
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) assert.equal(readOptions(['idle', '--tokens', 'x', '--url', `ws://${host}:1`]).url.port, '1');
});

test('wrong words are refused with what would be right', () => {
  const wrong: readonly (readonly string[])[] = [
    [],
    ['nonsense'],
    ['idle'], // neither --start nor --tokens
    ['idle', '--start', '--pairs', '5'], // another scenario's
    ['one-to-one', '--start', '--pairs', '0'],
    ['one-to-one', '--start', '--pairs', '1e3'],
    ['one-to-one', '--start', '--body', '19'], // no room for what is checked
    ['one-to-one', '--start', '--rate', '-5'],
    ['one-to-one', '--start', '--seconds', '100000'],
    ['one-to-one', '--start', '--arrivals', 'bursts'],
    ['one-to-one', '--start', '--baseline', 'slow'],
    ['one-to-one', '--tokens', 'x', '--url', 'https://127.0.0.1'],
    ['one-to-one', '--tokens', 'x', '--url', 'nowhere'],
  ];
  for (const words of wrong) assert.throws(() => readOptions(words), Usage, words.join(' '));
});
