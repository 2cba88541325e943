// The SDK through the real server: from five lines to accounts, devices, restarts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Parley as Server } from '../../scripts/services/parley.ts';
import type { ClientEvents } from '../../src/sdk/client-events.ts';
import { HttpRefused, NotLoggedIn, OtherAccount, Parley, Refused, ServerUnreachable, StorageInUse } from '../../src/sdk/parley.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { nodeStorage } from '../../src/sdk/storage.node.ts';

const password = 'correct horse battery';
let server: Server;
let folder: string;
const opened: Parley[] = [];
before(async () => {
  server = await Server.start();
  folder = await mkdtemp(join(tmpdir(), 'parley-sdk-'));
});
after(async () => {
  await Promise.all(opened.map((one) => one.close().catch(() => undefined)));
  await server.stop();
  await rm(folder, { recursive: true });
});

async function user(handle: string, storage = memoryDisk().storage()): Promise<Parley> {
  const parley = await Parley.register({ url: server.apiUrl, handle, password, storage });
  opened.push(parley);
  return parley;
}

/** The next event of that kind that fits. */
function next<Name extends keyof ClientEvents>(parley: Parley, name: Name, fits: (event: ClientEvents[Name]) => boolean = () => true): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const end = parley.on(name, (event) => {
      if (!fits(event)) return;
      end();
      resolve(event);
    });
  });
}

test('five lines to the first message', async () => {
  await user('bob');
  const ann = await Parley.register({ url: server.apiUrl, handle: 'ann', password, storage: nodeStorage(join(folder, 'ann')) });
  ann.on('message', ({ text, chat }) => chat.send(`you said: ${text}`));
  const chat = await ann.directChat('bob');
  const { seq } = await chat.send('hello');
  assert.equal(seq, 2);
  const bob = opened.at(-1) as Parley;
  const answered = next(bob, 'message', ({ text }) => text === 'you said: hello ann');
  await (await bob.directChat('ann')).send('hello ann');
  assert.equal((await answered).seq, 4);
  await ann.close();
});

test('ticks go from sent to delivered to read', async () => {
  const [carl, dora] = [await user('carl'), await user('dora')];
  const chat = await carl.directChat('dora');
  const delivered = next(carl, 'receipt', (receipt) => receipt.delivered >= 2);
  const heard = next(dora, 'message');
  const { seq } = await chat.send('hello');
  await delivered;
  assert.equal(chat.tick(seq), 'delivered');
  const read = next(carl, 'receipt', (receipt) => receipt.read >= 2);
  const message = await heard;
  assert.equal(message.chat.unread, 1);
  await message.chat.read(message.seq);
  assert.equal(message.chat.unread, 0);
  await read;
  assert.equal(chat.tick(seq), 'read');
});

test('typing and presence reach who shares a chat', async () => {
  const [eve, finn] = [await user('eve'), await user('finn')];
  const chat = await eve.directChat('finn');
  const first = next(finn, 'message');
  await chat.send('hello');
  await first;
  const online = next(eve, 'presence', ({ online }) => online);
  eve.watch([finn.userId]);
  assert.equal((await online).userId, finn.userId);
  const typing = next(eve, 'typing', ({ on }) => on);
  finn.chat(chat.chatId).typing();
  assert.deepEqual([(await typing).userId, chat.typists], [finn.userId, [finn.userId]]);
  const gone = next(eve, 'presence', ({ online }) => !online);
  await finn.close();
  assert.ok((await gone).lastSeenMs > 0);
});

test('a group: made, changed and left; each member sees each change; who is out is told so', async () => {
  const [gina, hugo, ida] = [await user('gina'), await user('hugo'), await user('ida')];
  const invited = next(hugo, 'entry');
  const group = await gina.createGroup('Tea', ['hugo']);
  assert.equal(group.title, 'Tea');
  assert.equal((await invited).chatId, group.chatId);
  await group.add(ida.userId);
  const heard = next(ida, 'message');
  await group.send('welcome');
  assert.equal((await heard).chat.chatId, group.chatId);
  await group.setRole(hugo.userId, 'admin');
  const { members } = await group.members();
  assert.deepEqual(
    members.map(({ userId, role }) => [userId === gina.userId ? 'gina' : userId === hugo.userId ? 'hugo' : 'ida', role]),
    [
      ['gina', 'owner'],
      ['hugo', 'admin'],
      ['ida', 'member'],
    ],
  );
  await hugo.chat(group.chatId).remove(ida.userId);
  await assert.rejects(ida.chat(group.chatId).send('still here?'), (error: Refused) => error instanceof Refused && error.why === 'notAMember');
  await hugo.chat(group.chatId).leave();
  assert.deepEqual(
    (await gina.chats()).map(({ title, member }) => [title, member]),
    [['Tea', true]],
  );
  assert.deepEqual(
    (await ida.chats()).map(({ title, member }) => [title, member]),
    [['Tea', false]],
  );
});

test('a second device has everything, and hears what the first one writes and reads', async () => {
  const [kurt, lea] = [await user('kurt'), await user('lea')];
  const chat = await lea.directChat('kurt');
  for (const text of ['one', 'two']) await chat.send(text);
  const phone = await Parley.logIn({ url: server.apiUrl, handle: 'kurt', password, deviceName: 'phone' });
  opened.push(phone);
  await next(phone, 'synced');
  const here = phone.chat(chat.chatId);
  assert.deepEqual(
    (await here.history()).entries.map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal(here.unread, 2);
  const raised = next(phone, 'chat', () => here.unread === 0);
  await kurt.chat(chat.chatId).read();
  await raised;
  const own = next(phone, 'entry');
  await kurt.chat(chat.chatId).send('from the other device');
  assert.deepEqual([(await own).author, (await phone.devices()).map(({ name }) => name).sort()], [kurt.userId, ['Parley SDK', 'phone']]);
  const out = next(phone, 'loggedOut');
  await kurt.revokeDevice(phone.deviceId);
  await out;
});

test('a program that starts again goes on where it was, and sends what it had not sent', async () => {
  const place = join(folder, 'mona');
  const nils = await user('nils');
  const mona = await Parley.register({ url: server.apiUrl, handle: 'mona', password, storage: nodeStorage(place) });
  const chat = await mona.directChat('nils');
  await chat.send('one');
  await mona.close();
  await assert.rejects(chat.send('too late'));
  const heard = next(nils, 'message', ({ text }) => text === 'two');
  const again = await Parley.open({ storage: nodeStorage(place) });
  assert.equal(again.userId, mona.userId);
  const same = again.chat(chat.chatId);
  assert.deepEqual(
    (await same.history()).entries.map(({ seq }) => seq),
    [1, 2],
  );
  same.send('two').catch(() => undefined);
  await again.close();
  const third = await Parley.open({ storage: nodeStorage(place) });
  opened.push(third);
  await heard;
});

test('the connection comes back by itself when the server does', async () => {
  const port = 20_000 + Math.floor(Math.random() * 5_000) * 2;
  const options = { data: join(folder, 'server'), environment: { PARLEY_API_PORT: `${port}`, PARLEY_PORT: `${port + 1}` } };
  const first = await Server.start(options);
  const olga = await Parley.register({ url: first.apiUrl, handle: 'olga', password });
  const paul = await Parley.register({ url: first.apiUrl, handle: 'paul', password });
  opened.push(olga, paul);
  const chat = await olga.directChat('paul');
  await chat.send('before');
  const down = next(olga, 'disconnected');
  await first.kill('SIGKILL');
  await down;
  const heard = next(paul, 'message', ({ text }) => text === 'meanwhile');
  const sent = chat.send('meanwhile');
  const second = await Server.start(options);
  assert.equal((await sent).seq, 3);
  assert.equal((await heard).seq, 3);
  await Promise.all([olga.close(), paul.close()]);
  await second.stop();
});

test('each mistake has its error', async () => {
  const quin = await user('quin');
  const refused = (code: string) => (error: HttpRefused) => error instanceof HttpRefused && error.code === code;
  await assert.rejects(Parley.register({ url: server.apiUrl, handle: 'quin', password }), refused('handleTaken'));
  await assert.rejects(Parley.logIn({ url: server.apiUrl, handle: 'quin', password: 'not the password' }), refused('wrongPassword'));
  await assert.rejects(Parley.register({ url: server.apiUrl, handle: 'x', password }), refused('malformed'));
  await assert.rejects(Parley.logIn({ url: 'http://127.0.0.1:9', handle: 'quin', password }), ServerUnreachable);
  await assert.rejects(quin.directChat('nobody-here'), (error: Refused) => error.why === 'noSuchUser');
  const disk = memoryDisk();
  await assert.rejects(Parley.open({ storage: disk.storage() }), NotLoggedIn);
  const rita = await user('rita', disk.storage());
  await assert.rejects(Parley.open({ storage: disk.storage() }), StorageInUse);
  await rita.close();
  await assert.rejects(Parley.logIn({ url: server.apiUrl, handle: 'quin', password, storage: disk.storage() }), OtherAccount);
  const again = await Parley.logIn({ url: server.apiUrl, handle: 'rita', password, storage: disk.storage() });
  assert.equal(again.deviceId, rita.deviceId);
  await again.logOut();
  await assert.rejects(Parley.open({ storage: disk.storage() }), NotLoggedIn);
});

for (const [name, end] of [
  ['late', (answer: ServerResponse) => void answer.writeHead(204).end()],
  ['never', (answer: ServerResponse) => void answer.destroy()],
] as const) {
  test(`whoever logs out and is disconnected for it, with the answer coming ${name}, is logged out, and told of nothing else`, async (t) => {
    const held = Promise.withResolvers<ServerResponse>();
    // Between the device and the API: passes everything on, and keeps the answer to the log-out.
    const between = createServer(async (request, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = 'GET', headers } = request;
      const sent = Object.fromEntries(['authorization', 'content-type'].flatMap((key) => (headers[key] === undefined ? [] : [[key, String(headers[key])]])));
      const response = await fetch(`${server.apiUrl}${request.url}`, { method, headers: sent, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) });
      if (method === 'DELETE') return held.resolve(answer);
      answer.writeHead(response.status, { 'content-type': 'application/json' }).end(await response.text());
    }).listen(0, '127.0.0.1');
    t.after(() => between.close());
    await once(between, 'listening');
    const disk = memoryDisk();
    const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
    const zoe = await Parley.register({ url, handle: `zoe-${name}`, password, storage: disk.storage() });
    if (!zoe.isConnected) await next(zoe, 'connected');
    const stops: string[] = [];
    zoe.on('stopped', (why) => void stops.push(why));
    zoe.on('loggedOut', () => void stops.push('told of it'));
    const leaving = zoe.logOut();
    const answer = await held.promise;
    while (zoe.isConnected) await delay(5);
    end(answer);
    await leaving;
    assert.deepEqual(stops, ['closed']);
    await assert.rejects(Parley.open({ storage: disk.storage() }), NotLoggedIn);
  });
}
