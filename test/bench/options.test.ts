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

test('a target may be anywhere, with TLS or without', () => {
  const { url, start, tokensFile } = readOptions(['one-to-one', '--tokens', 'some.jsonl', '--target', 'wss://chat.example.com']);
  assert.deepEqual([url.protocol, url.hostname, start, tokensFile], ['wss:', 'chat.example.com', false, 'some.jsonl']);
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) assert.equal(readOptions(['idle', '--tokens', 'x', '--target', `ws://${host}:1`]).url.port, '1');
});

test('a soak takes half an hour unless that is said', () => {
  assert.equal(readOptions(['soak', '--start']).measuredMs, 1_800_000);
  assert.equal(readOptions(['soak', '--start', '--seconds', '60']).measuredMs, 60_000);
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
    ['one-to-one', '--start', '--seconds', '1000000'],
    ['one-to-one', '--start', '--arrivals', 'bursts'],
    ['one-to-one', '--start', '--baseline', 'slow'],
    ['one-to-one', '--start', '--tokens', 'x'],
    ['one-to-one', '--start', '--generators', '0'],
    ['one-to-one', '--start', '--repeat', '-1'],
    ['one-to-one', '--tokens', 'x', '--target', 'https://127.0.0.1'],
    ['one-to-one', '--tokens', 'x', '--target', 'nowhere'],
  ];
  for (const words of wrong) assert.throws(() => readOptions(words), Usage, words.join(' '));
});
