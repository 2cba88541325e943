// What lines and arguments mean, and how things are written for a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadArguments, readArguments } from '../../src/terminal/arguments.ts';
import { commandOf } from '../../src/terminal/commands.ts';
import { chatLine, paintFor, plain, preview, tickMark } from '../../src/terminal/format.ts';

const surroundings = { home: '~', password: undefined };

test('a line is a message, unless it begins with a slash; two slashes say one', () => {
  assert.deepEqual(commandOf('hello  you'), { kind: 'say', text: 'hello  you' });
  assert.deepEqual(commandOf('//shrug'), { kind: 'say', text: '/shrug' });
  assert.deepEqual(commandOf('   '), { kind: 'nothing' });
});

test('commands take their words, quoted ones as one, handles with or without @', () => {
  assert.deepEqual(commandOf('/group "Tea time" @bob eve'), { kind: 'group', title: 'Tea time', handles: ['bob', 'eve'] });
  assert.deepEqual(commandOf('/open 2'), { kind: 'open', chat: '2' });
  assert.deepEqual(commandOf('/history'), { kind: 'history', count: 20 });
  assert.deepEqual(commandOf('/history 100000'), { kind: 'history', count: 200 });
  assert.deepEqual(commandOf('/add bob'), { kind: 'add', handles: ['bob'] });
});

test('a command without what it needs says what it needs', () => {
  for (const line of ['/open', '/history many', '/group Tea', '/add', '/remove', '/frobnicate']) assert.equal(commandOf(line).kind, 'wrong', line);
});

test('arguments: a folder per account and server, a password from the surroundings, nothing unknown', () => {
  assert.deepEqual(readArguments(['--as', 'Ann'], surroundings), { handle: 'ann', url: 'http://127.0.0.1:8081', folder: '~/.parley/ann@127.0.0.1_8081', password: undefined });
  const given = readArguments(['--as', 'ann', '--url', 'https://chat.example/', '--data', 'here'], { home: '~', password: 'secret' });
  assert.deepEqual(given, { handle: 'ann', url: 'https://chat.example', folder: 'here', password: 'secret' });
  assert.equal(readArguments(['--help'], surroundings), undefined);
  for (const args of [[], ['--as', 'a'], ['--as', 'ann', '--url', 'ftp://x'], ['--as', 'ann', '--frob'], ['--as']])
    assert.throws(() => readArguments(args, surroundings), BadArguments, args.join(' '));
});

test('text of others cannot steer the terminal', () => {
  assert.equal(plain('a\u001b]0;title\u0007b\u009bc'), 'a\ufffd]0;title\ufffdb\ufffdc');
  assert.equal(plain('one\r\ntwo\tthree'), 'one\n    two three');
  assert.equal(plain('\u202egnp.exe'), '\ufffdgnp.exe');
  assert.equal(preview('a  \n b', 60), 'a b');
  assert.equal(preview('x'.repeat(100), 10), `${'x'.repeat(9)}…`);
});

test('ticks are told apart without colour', () => {
  const marks = (['waiting', 'sent', 'delivered', 'read'] as const).map((tick) => tickMark(tick, paintFor(false)));
  assert.equal(new Set(marks).size, 4);
  assert.ok(tickMark('read', paintFor(true)).startsWith('\u001b[34m'));
});

test('a line of the list names number, chat, unread and the last words', () => {
  const line = chatLine({ number: 3, name: 'bob', unread: 2, atMs: 0, last: 'see you', member: true }, paintFor(false));
  assert.match(line, /^ {2}3\. bob +2 unread +\d\d:\d\d {2}see you$/);
});
