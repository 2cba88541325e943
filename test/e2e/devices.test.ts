// A user with several devices: all of them hear, one of them connects twice, one is logged out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from './accounts.ts';
import { Device, textOf, textsOf } from './device.ts';
import { overEachTransport } from './served.ts';

overEachTransport('a user with several devices', (served) => {
  test('what one device sends reaches the other, and each gets its own sent alone', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const tablet = await served.another(ann);
    assert.equal(tablet.userId, ann.userId);
    const sent = await ann.sayTo(bob.userId, 'from the phone');
    const entry = await tablet.next('entry', ({ seq }) => seq === sent.seq);
    assert.deepEqual([textOf(entry), entry.author, entry.device], ['from the phone', ann.userId, ann.account.deviceId]);
    const second = await tablet.sayTo(bob.userId, 'from the tablet');
    await ann.next('entry', ({ seq }) => seq === second.seq);
    await ann.settled();
    await tablet.settled();
    assert.deepEqual(textsOf(ann.all('entry')), ['from the tablet']);
    assert.deepEqual(textsOf(tablet.all('entry')), ['from the phone']);
    assert.deepEqual([ann.all('sent').length, tablet.all('sent').length], [1, 1]);
    await bob.next('entry', ({ seq }) => seq === second.seq);
    assert.deepEqual(textsOf(bob.all('entry')), ['from the phone', 'from the tablet']);
  });

  test('reading on one device is told to the other, not to itself', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const tablet = await served.another(ann);
    const { chatId, seq } = await bob.sayTo(ann.userId, 'hello');
    ann.tell({ kind: 'read', chatId, seq });
    const receipt = await tablet.next('receipt', ({ userId }) => userId === ann.userId);
    assert.deepEqual([receipt.read, receipt.delivered], [seq, seq]);
    await bob.next('receipt', ({ userId, read }) => userId === ann.userId && read === seq);
    await ann.settled();
    assert.deepEqual(ann.all('receipt'), []);
  });

  test('a second connection of one device replaces the first, which is closed with 4409', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const again = await served.connect(ann.account);
    assert.equal((await ann.client.closed).code, 4409);
    const sent = await bob.sayTo(ann.userId, 'which one?');
    await again.next('entry', ({ seq }) => seq === sent.seq);
  });

  test('a device that is logged out by another is closed with 4403 and not let in again', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const lost = await served.another(ann);
    const answer = await request('DELETE', `${served.parley.apiUrl}/v1/devices/${lost.account.deviceId}`, { token: ann.account.accessToken });
    assert.equal(answer.status, 204);
    assert.equal((await lost.client.closed).code, 4403);
    await assert.rejects(Device.connect(served.parley.socketUrl, lost.account), /4403/);
    await bob.sayTo(ann.userId, 'still there?');
    assert.equal(textOf(await ann.next('entry', ({ contentType }) => contentType === 'text/plain')), 'still there?');
  });

  test('a device that logs itself out is closed with 4403', async () => {
    const ann = await served.user();
    assert.equal((await request('DELETE', `${served.parley.apiUrl}/v1/sessions`, { token: ann.account.accessToken })).status, 204);
    assert.equal((await ann.client.closed).code, 4403);
  });

  test('a token says whose device it is: it opens no socket for another', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    await assert.rejects(Device.connect(served.parley.socketUrl, { ...ann.account, deviceId: bob.account.deviceId }), /4401/);
    await ann.settled(); // whoever tried it has not disturbed the real one
    assert(ann.client.isOpen && bob.client.isOpen);
  });
});
