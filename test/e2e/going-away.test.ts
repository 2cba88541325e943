// The server goes away and comes back: devices are told to move, what was accepted is finished, and everything is still there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lastingAddress, Parley } from '../../scripts/services/parley.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { closes } from '../../src/protocol/errors.ts';
import { registered, request, storesOf } from './accounts.ts';
import { Device, textOf, textsOf } from './device.ts';

for (const transport of ['uws', 'ws'] as const) {
  test(`SIGTERM (${transport}): devices hear move and 4503, the process ends with 0, and no message that was accepted is lost`, async (t) => {
    const data = await folder(t);
    const parley = await Parley.start({ data, transport });
    t.after(() => parley.stop());
    const [ann, bob] = [await Device.connect(parley.socketUrl, await registered(parley.apiUrl)), await Device.connect(parley.socketUrl, await registered(parley.apiUrl))];
    const chatId = directChatId(ann.userId, bob.userId);
    await ann.sayTo(bob.userId, 'first');
    // As many as may be open, then the signal while they are under way: each is either acknowledged or refused as draining.
    const numbers = Array.from({ length: 16 }, () => ann.number());
    for (const [at, number] of numbers.entries())
      ann.tell({ kind: 'send', chatId, number, after: ann.after(chatId), contentType: 'text/plain', body: Buffer.from(`under way ${at}`), peer: null });
    await ann.next('sent', ({ number }) => number === numbers[0]);
    const ended = await parley.kill('SIGTERM');
    assert.deepEqual(ended, { code: 0, signal: null });
    for (const device of [ann, bob]) {
      const { code, reason } = await device.client.closed;
      assert.deepEqual([code, reason], [closes.draining.code, closes.draining.says]);
      const moves = device.all('move');
      assert.equal(moves.length, 1);
      assert((moves[0]?.afterMs ?? -1) >= 0);
    }
    const acknowledged = new Map(ann.all('sent').map(({ number, seq }) => [number, seq]));
    const stores = await storesOf(data);
    const log = await stores.messages.read(chatId, { after: 0, before: 100, limit: 100, bytesMax: 1e6, from: 'first' });
    await stores.close();
    for (const [number, seq] of acknowledged) assert.equal(log.find((entry) => entry.seq === seq)?.number, number);
    // And the drain has answered whatever it stored: nobody is left in doubt.
    for (const { number } of log) if (number > 0) assert(acknowledged.has(number), `${number} is stored and was not acknowledged`);
  });

  test(`a restart (${transport}) keeps accounts, chats, receipts and tokens, and a device goes on where it was`, async (t) => {
    const data = await folder(t);
    const before = await Parley.start({ data, transport });
    t.after(() => before.stop());
    const ann = await Device.connect(before.socketUrl, await registered(before.apiUrl));
    const bob = await Device.connect(before.socketUrl, await registered(before.apiUrl));
    const number = ann.number();
    const hello = {
      kind: 'send',
      chatId: directChatId(ann.userId, bob.userId),
      number,
      after: 0,
      contentType: 'text/plain',
      body: Buffer.from('hello'),
      peer: bob.userId,
    } as const;
    const sent = await ann.askFor('sent', hello);
    const group = await ann.group('club', [bob.userId]);
    bob.tell({ kind: 'read', chatId: sent.chatId, seq: sent.seq });
    const receipt = await ann.next('receipt');
    assert.equal((await before.stop()).code, 0);

    const after = await Parley.start({ data, transport });
    t.after(() => after.stop());
    const again = await Device.connect(after.socketUrl, ann.account);
    assert.equal(again.welcome.incarnation, ann.welcome.incarnation);
    assert.deepEqual(await again.askFor('sent', hello), sent); // a resend, much later
    const { members } = await again.askFor('members', { kind: 'getMembers', request: 1, chatId: sent.chatId });
    assert.equal(members.find(({ userId }) => userId === bob.userId)?.read, receipt.read);
    assert.equal((await again.askFor('members', { kind: 'getMembers', request: 2, chatId: group })).title, 'club');
    const back = await Device.connect(after.socketUrl, bob.account);
    await again.say(sent.chatId, 'still here');
    assert.equal(textOf(await back.next('entry', ({ seq }) => seq === sent.seq + 1)), 'still here');
    assert.deepEqual(textsOf(await back.pullAll(sent.chatId)), ['hello', 'still here']);
  });
}

test('a directory that a server has open is refused to another, with what to do', async (t) => {
  const data = await folder(t);
  const first = await Parley.start({ data });
  t.after(() => first.stop());
  await assert.rejects(
    Parley.start({ data }),
    (error: Error) => /in use by another process/.test(error.message) && error.message.includes('PARLEY_DATA') && !/\n\s+at /.test(error.message),
  );
  const ann = await Device.connect(first.socketUrl, await registered(first.apiUrl));
  await ann.sayTo(ann.userId, 'undisturbed');
  await ann.close();
});

test('devices that call before it serves do not hold up the start', async (t) => {
  const environment = await lastingAddress();
  let calling = true;
  const callers: Socket[] = [];
  const call = (): void => {
    const socket = connect(Number(environment.PARLEY_PORT), '127.0.0.1');
    callers.push(socket);
    socket.on('error', () => undefined);
    if (calling) setTimeout(call, 1);
  };
  call(); // and never says a word, nor goes away
  t.after(() => {
    calling = false;
    for (const socket of callers) socket.destroy();
  });
  const parley = await Parley.start({ environment });
  calling = false;
  const ann = await Device.connect(parley.socketUrl, await registered(parley.apiUrl));
  await ann.close();
  for (const socket of callers) socket.destroy();
  assert.equal((await parley.stop()).code, 0);
});

test('a misspelt setting is refused with the names that there are', async () => {
  await assert.rejects(Parley.start({ environment: { PARLEY_PROT: '8080' } }), /Unknown setting PARLEY_PROT.*PARLEY_PORT/);
});

test('a backup is made while messages go on; restored, it is another history, and devices end up right', async (t) => {
  const data = await folder(t);
  const first = await Parley.start({ data });
  t.after(() => first.stop());
  const ann = await Device.connect(first.socketUrl, await registered(first.apiUrl));
  const bob = await Device.connect(first.socketUrl, await registered(first.apiUrl));
  const { chatId } = await ann.sayTo(bob.userId, 'before the backup');
  const under = await folder(t);
  let stop = false;
  const talking = (async () => {
    for (let nth = 0; !stop; nth += 1) await ann.say(chatId, `meanwhile ${nth}`);
  })();
  const asked = ann.all('sent').at(-1)?.seq ?? 0;
  const answer = await request('POST', `${first.opsUrl}/backup?to=${encodeURIComponent(join(under, 'copy'))}`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  stop = true;
  await talking;
  await ann.say(chatId, 'lost by the restore');
  const head = ann.all('sent').at(-1)?.seq ?? 0;
  await bob.next('entry', ({ seq }) => seq === head);
  await first.stop();

  const restored = join(under, 'restored');
  await runs(['restore', join(under, 'copy'), '--data', restored]);
  const second = await Parley.start({ data: restored });
  t.after(() => second.stop());
  const back = await Device.connect(second.socketUrl, bob.account);
  assert.notEqual(back.welcome.incarnation, bob.welcome.incarnation);
  const changed = await back.ask({ kind: 'resume', request: 1, incarnation: bob.welcome.incarnation, cursors: [{ chatId, seq: head, receiptsVersion: 0 }], last: true });
  assert.deepEqual([changed.kind, changed.kind === 'incarnationChanged' && changed.incarnation], ['incarnationChanged', back.welcome.incarnation]);
  const [row] = (await back.askFor('moved', { kind: 'resume', request: 2, incarnation: back.welcome.incarnation, cursors: [], last: true })).rows;
  const log = await back.pullAll(chatId);
  assert.equal(row?.head, log.length);
  assert(log.length >= asked && log.length < head, `${log.length} entries of ${head}, ${asked} when the backup was asked for`);
  assert.deepEqual(
    log.map(({ seq }) => seq),
    Array.from(log, (_, at) => at + 1),
  );
  // What now comes at a seq that was given before is another entry, and everybody gets it.
  const annAgain = await Device.connect(second.socketUrl, ann.account);
  const { seq } = await annAgain.say(chatId, 'after the restore');
  assert.equal(seq, log.length + 1);
  assert.equal(textOf(await back.next('entry', (entry) => entry.seq === seq)), 'after the restore');
});

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The operator's command. */
async function runs(words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)), ...words]);
  return stdout;
}
