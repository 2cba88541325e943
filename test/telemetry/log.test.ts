// What may stand in a log line, and that every line gets out.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLog, type Log, publicForm } from '../../src/telemetry/log.ts';

/** A log, and what it has written, line by line. */
function written(level: 'trace' | 'info' = 'trace'): { log: Log; lines: () => Record<string, unknown>[]; text: () => string } {
  let all = '';
  const destination = {
    write(line: string) {
      all += line;
    },
  };
  const lines = (): Record<string, unknown>[] =>
    all
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: createLog({ level, destination }), lines, text: () => all };
}

const secretText = 'hunter2-do-not-show';

test('a line says when, how grave and what, with its fields', () => {
  const { log, lines } = written();
  log.child({ node: 'n1' }).warn({ chats: 3, tookMs: 1.5, bytes: 12, ids: ['a', 'b'], at: new Date(0), when: undefined }, 'it is so');
  const [{ time, ...line } = {}] = lines();
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  assert.deepEqual(line, { level: 'warn', node: 'n1', chats: 3, tookMs: 1.5, bytes: 12, ids: ['a', 'b'], at: '1970-01-01T00:00:00.000Z', msg: 'it is so' });
});

test('below the level nothing is written', () => {
  const { log, text } = written('info');
  log.debug({ a: 1 }, 'hidden');
  log.trace('hidden');
  assert.equal(text(), '');
});

const holders = [
  'token',
  'accessToken',
  'refresh_token',
  'password',
  'newPassword',
  'secret',
  'clientSecret',
  'authorization',
  'Cookie',
  'privateKey',
  'credentials',
  'body',
  'requestBody',
  'content',
  'payload',
  'frame',
  'text',
  'jwt',
];
for (const name of holders) {
  test(`a value under the name ${name} never reaches a line, however deep, in any kind of holder`, () => {
    const { log, text, lines } = written();
    const fault = Object.assign(new Error('failed'), { [name]: secretText, request: { [name]: secretText } });
    log.info({ [name]: secretText }, 'flat');
    log.info({ [name]: { part: [secretText] } }, 'whole');
    log.info({ a: { b: [{ c: { [name]: secretText } }] }, map: new Map([[name, secretText]]), set: new Set([{ [name]: secretText }]) }, 'deep');
    log.error({ err: fault }, 'an error with fields');
    log.error({ err: new Error('outer', { cause: fault }) }, 'an error with a cause');
    log
      .child({ [name]: secretText, inner: { [name]: secretText } })
      .child({ more: { [name]: secretText } })
      .info('from a child');
    assert.equal(lines().length, 6);
    assert.ok(!text().includes(secretText), text());
    assert.ok(text().includes('[removed]'));
  });
}

test('bytes are shown by their number alone, whatever they are called', () => {
  const { log, lines, text } = written();
  const body = Buffer.from(secretText);
  log.info({ what: body, deep: [new Uint8Array(body)], buffer: new Uint8Array(body).buffer }, 'bytes');
  const says = `[${body.length} bytes]`;
  const [{ what, deep, buffer } = {}] = lines();
  assert.deepEqual([what, deep, buffer], [says, [says], says]);
  assert.ok(!text().includes(String(body[0])));
});

test('a token or password inside of a text is taken out, in messages, fields and errors', () => {
  const jwt = `eyJhbGciOiJFZERTQSJ9.${'c2VjcmV0'.repeat(4)}.c2lnbmF0dXJl~${secretText}`;
  for (const text of [`GET /x Authorization: Bearer ${secretText}`, `wss://h/?token=${secretText}&x=1`, `bad JSON {"password":"${secretText}"}`, `no such token ${jwt}`]) {
    const { log, text: all } = written();
    log.info(text);
    log.info({ url: text, err: new Error(text) }, text);
    assert.ok(!all().includes(secretText) && !all().includes(jwt), all());
  }
});

test('an error keeps its kind, message, stack, code and cause', () => {
  const { log, lines } = written();
  const cause = Object.assign(new RangeError('the disk said no'), { code: 'ENOSPC' });
  log.error({ err: new TypeError('cannot append', { cause }) }, 'failed');
  const err = lines()[0]?.['err'] as { type: string; message: string; stack: string; cause: { type: string; code: string } };
  assert.equal(err.type, 'TypeError');
  assert.match(err.message, /cannot append/);
  assert.match(err.stack, /log\.test\.ts/);
  assert.deepEqual([err.cause.type, err.cause.code], ['RangeError', 'ENOSPC']);
});

test('what is endless is cut: depth, length, number', () => {
  const ring: Record<string, unknown> = {};
  ring['ring'] = ring;
  assert.ok(JSON.stringify(publicForm(ring)).length < 200);
  assert.ok(
    JSON.stringify(publicForm({ long: 'x'.repeat(1e6), many: Array.from({ length: 1e5 }, (_, i) => i), keys: Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [i, i])) }))
      .length < 10_000,
  );
});

const module = fileURLToPath(new URL('../../src/telemetry/log.ts', import.meta.url));
const runs = (code: string): string => `import { createLog } from ${JSON.stringify(module)};\n${code}`;

test('every line is out when flush has resolved, even if the process is then killed', () => {
  const code = runs(
    "const log = createLog({ level: 'info' }); for (let i = 0; i < 2000; i += 1) log.info({ i }, 'line'); await log.flush(); process.kill(process.pid, 'SIGKILL');",
  );
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.equal(signal, 'SIGKILL');
  assert.equal(stdout.trimEnd().split('\n').length, 2_000);
});

for (const end of ['', 'process.exit(3)', "throw new Error('planted')"]) {
  test(`every line is out after the process ended by ${end === '' ? 'itself' : end}`, () => {
    const { stdout } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', runs(`const log = createLog({ level: 'info' }); log.info('first'); log.fatal('last'); log.info('after'); ${end}`)],
      { encoding: 'utf8' },
    );
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
      ['first', 'last', 'after'],
    );
  });
}

test('for people at a terminal a line is text, with the same things taken out', () => {
  const code = runs(`createLog({ level: 'info', pretty: true }).warn({ token: '${secretText}', chats: 3 }, 'it is so');`);
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.match(out, /WARN.*it is so.*chats/s);
  assert.ok(!out.includes(secretText));
});
