// A device of the fault tests sends under new numbers what it wrote before its user was let in again: once, and in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { registered } from '../e2e/accounts.ts';
import { textsOf } from '../e2e/device.ts';
import { overEachTransport } from '../e2e/served.ts';
import { EnduringDevice } from './enduring-device.ts';

overEachTransport('a device whose user was put out and let in again', (served) => {
  test('has everything stored that it wrote meanwhile', async () => {
    const owner = await served.user();
    const account = await registered(served.parley.apiUrl, 'guest');
    const chatId = await owner.group('club', [account.userId]);
    const device = new EnduringDevice(account);
    device.join(chatId, null);
    const write = (...texts: readonly string[]): void => {
      for (const text of texts) assert.ok(device.post(chatId, Buffer.from(text)));
    };
    await device.connect(served.parley.socketUrl);
    write('a', 'b');
    await settled(device);
    await device.lose();
    write('c', 'd', 'e');
    const numbered = () => ({ chatId, number: owner.number(), after: owner.after(chatId) });
    await owner.askFor('sent', { kind: 'removeMember', ...numbered(), userId: account.userId });
    await owner.askFor('sent', { kind: 'addMembers', ...numbered(), userIds: [account.userId] });
    await device.connect(served.parley.socketUrl);
    await settled(device);
    assert.equal(device.refusals.get('numberPassed'), 1);
    write('f');
    await settled(device);
    assert.deepEqual(textsOf(await owner.pullAll(chatId)), ['a', 'b', 'c', 'd', 'e', 'f']);
    await device.lose();
  });
});

async function settled(device: EnduringDevice): Promise<void> {
  for (let left = 1_000; left > 0 && !device.isSettled; left -= 1) await delay(10);
  assert.ok(device.isSettled);
}
