// Two people at terminals, through the real server: what each sees.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lastingAddress, Parley } from '../../scripts/services/parley.ts';
import { Terminal } from './typed.ts';

const password = 'correct horse battery';
let server: Parley;
let folder: string;
before(async () => {
  server = await Parley.start();
  folder = await mkdtemp(join(tmpdir(), 'parley-terminals-'));
});
after(async () => {
  Terminal.killAll();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

function terminal(name: string, ...more: readonly string[]): Terminal {
  return new Terminal('--as', name, '--url', server.apiUrl, '--data', join(folder, name), ...more);
}

/** Makes an account and goes away again. */
async function account(name: string): Promise<void> {
  const { code, errors } = await terminal(name, '--password', password).end();
  assert.equal(code, 0, errors);
}

test('two people talk: messages, ticks and presence come as they happen', async () => {
  const ann = terminal('ann', '--password', password);
  await ann.sees('Welcome, ann');
  const bob = terminal('bob', '--password', password);
  await bob.sees('No chats yet');
  ann.type('/open bob', 'hello bob');
  await ann.sees('— bob —');
  await ann.sees(/you: hello bob ✓/);
  await ann.sees('* bob is online');
  await bob.sees(/^\[ann\] ann: hello bob \(1 unread\)/);
  bob.type('/open ann');
  await bob.sees('ann: hello bob');
  await ann.sees('* ✓✓ read');
  bob.type('hello ann');
  await ann.sees('bob: hello ann');
  await bob.sees('* ✓✓ read');
  assert.equal((await bob.end()).code, 0);
  await ann.sees('* bob is offline');
  assert.equal((await ann.end()).code, 0);
});

test('what was written while somebody was away is in the list, then in the chat, with the ticks of the own messages', async () => {
  await account('carl');
  const dora = terminal('dora', '--password', password);
  dora.type('/open carl', 'one', 'two');
  await dora.sees(/you: two ✓/);
  const carl = terminal('carl');
  assert.match(await carl.sees('dora'), /1\. dora +2 unread .*two/);
  carl.type('/open 1');
  await carl.sees('dora: one');
  await carl.sees('dora: two');
  await dora.sees('* ✓✓ read');
  dora.type('/open carl');
  await dora.sees(/you: one ✓✓ read$/);
  await Promise.all([dora.end(), carl.end()]);
});

test('a group: made, added to, talked in, left', async () => {
  for (const name of ['gina', 'hugo', 'ida']) await account(name);
  const [gina, hugo, ida] = [terminal('gina'), terminal('hugo'), terminal('ida')];
  for (const one of [gina, hugo, ida]) await one.sees('No chats yet');
  gina.type('/group "Tea time" hugo', 'who wants tea?');
  await gina.sees('— # Tea time —');
  await hugo.sees(/^\[# Tea time\] gina: who wants tea\?/);
  gina.type('/add ida');
  await gina.sees('you added ida');
  gina.type('welcome');
  await ida.sees(/^\[# Tea time\] gina: welcome/);
  gina.type('/members');
  for (const line of ['you (owner)', 'hugo', 'ida']) await gina.sees(line);
  hugo.type('/chats');
  await hugo.sees(/1\. # Tea time/);
  hugo.type('/open 1', '/leave');
  await gina.sees('hugo left');
  gina.type('/remove ida');
  await gina.sees('you removed ida');
  hugo.type('too late');
  await hugo.sees('! Not sent: "too late". You are no longer a member of this chat.');
  await Promise.all([gina, hugo, ida].map((one) => one.end()));
});

test('what is typed while the server is away is sent when it is back, also by the next run', async (t) => {
  const environment = await lastingAddress();
  const serve = async (): Promise<Parley> => {
    const started = await Parley.start({ data: join(folder, 'server'), environment });
    t.after(() => started.stop());
    return started;
  };
  const other = await serve();
  const start = (name: string, ...more: readonly string[]) => new Terminal('--as', name, '--url', other.apiUrl, '--data', join(folder, `away-${name}`), ...more);
  await start('kurt', '--password', password).end();
  const lea = start('lea', '--password', password);
  lea.type('/open kurt', 'before');
  await lea.sees(/you: before ✓/);
  await other.stop();
  await lea.sees('* No connection');
  lea.type('meanwhile');
  const { lines, code } = await lea.end();
  assert.equal(code, 0);
  assert.ok(lines.includes('* 1 not sent yet; they go out next time.'), lines.join('\n'));
  await serve();
  const leaAgain = start('lea');
  await leaAgain.sees('kurt');
  const kurt = start('kurt');
  assert.match(await kurt.sees('lea'), /2 unread .*meanwhile/);
  await Promise.all([leaAgain.end(), kurt.end()]);
});

test('control characters of others are shown, not obeyed', async () => {
  await account('mona');
  const nils = terminal('nils', '--password', password);
  nils.type('/open mona', 'red \u001b[31m alert \u202e txt');
  await nils.sees('✓');
  await nils.end();
  const mona = terminal('mona');
  mona.type('/open nils');
  const line = await mona.sees('nils: red');
  assert.ok(line.endsWith('red \ufffd[31m alert \ufffd txt'), JSON.stringify(line));
  await mona.end();
});

test('each mistake gets a sentence that says what to do', async (t) => {
  await account('olga');
  const fails = async (expected: RegExp, ...args: readonly string[]): Promise<void> => {
    const { code, errors } = await new Terminal(...args).end();
    assert.match(errors, expected);
    assert.ok(code === 1 || code === 2, `${code}`);
  };
  const elsewhere = join(folder, 'elsewhere');
  await fails(/Say who you are: --as NAME/);
  await fails(/cannot be a handle/, '--as', 'o!');
  await fails(/no server answers at http:\/\/127\.0\.0\.1:9\./, '--as', 'olga', '--url', 'http://127.0.0.1:9', '--data', elsewhere, '--password', 'x');
  const stranger = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  t.after(() => stranger.close());
  await once(stranger, 'listening');
  await fails(/is no Parley server/, '--as', 'olga', '--url', `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`, '--data', elsewhere, '--password', 'x');
  await fails(/this is not its password/, '--as', 'olga', '--url', server.apiUrl, '--data', elsewhere, '--password', 'not the password');
  await fails(/a password has 8 characters/, '--as', 'new-one', '--url', server.apiUrl, '--data', elsewhere, '--password', 'short');
  await fails(/No password: give one with --password/, '--as', 'olga', '--url', server.apiUrl, '--data', elsewhere);
  await fails(/belongs to olga/, '--as', 'paul', '--url', server.apiUrl, '--data', join(folder, 'olga'), '--password', password);
  const olga = terminal('olga');
  await olga.sees('No chats yet');
  await fails(/Another terminal is open/, '--as', 'olga', '--url', server.apiUrl, '--data', join(folder, 'olga'));
  olga.type('hello?', '/open nobody-here', '/dance', '/open');
  await olga.sees('! No chat is open: /open HANDLE');
  await olga.sees('! There is nobody with that handle.');
  await olga.sees('! There is no /dance. /help lists what there is.');
  await olga.sees('! /open HANDLE');
  await olga.end();
});

test('log out forgets everything here; the next start has to log in', async () => {
  await account('quin');
  const quin = terminal('quin');
  quin.type('/devices', '/logout');
  await quin.sees('(this one)');
  await quin.sees('Logged out.');
  await quin.end();
  const { errors } = await terminal('quin').end();
  assert.match(errors, /No password/);
  assert.equal((await terminal('quin', '--password', password).end()).code, 0);
});

test('a terminal that was killed goes on where it was', async () => {
  await account('rita');
  const sam = terminal('sam', '--password', password);
  sam.type('/open rita', 'one');
  await sam.sees(/you: one ✓/);
  sam.kill();
  await sam.end();
  const again = terminal('sam');
  again.type('/open rita');
  await again.sees('you: one');
  again.type('two');
  await again.sees(/you: two ✓/);
  const { lines } = await again.end();
  assert.equal(lines.filter((line) => line.includes('you: one')).length, 1);
});
