// What a device can get wrong with what it sends: each has its code, a text that says what to do, and nothing is stored.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToDevice } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { refusals } from '../../src/protocol/errors.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import { refusing, sendTo } from './refusing.ts';

refusing('bad sends', (rig) => {
  test('to a chat that does not exist, and to one that is not yours: they look the same', async () => {
    const [eve, cleo] = [await rig.fresh(), await rig.fresh()];
    const { chatId } = await rig.ann.sayTo(rig.bob.userId, 'between us');
    const group = await rig.ann.group('ours', [rig.bob.userId]);
    const nowhere = [`g${'x'.repeat(20)}`, `p${'x'.repeat(20)}`] as ChatId[];
    for (const strange of [chatId, group, ...nowhere]) {
      await rig.isRefused(eve, 'noSuchChat', sendTo(eve, strange, { after: 0 }));
      await rig.isRefused(eve, 'noSuchChat', { kind: 'pull', request: eve.request(), chatId: strange, after: 0, upTo: 0, limit: 10 });
      await rig.isRefused(eve, 'noSuchChat', { kind: 'history', request: eve.request(), chatId: strange, before: 0, limit: 10 });
      await rig.isRefused(eve, 'noSuchChat', { kind: 'getMembers', request: eve.request(), chatId: strange });
      await rig.isRefused(eve, 'noSuchChat', { kind: 'leaveChat', chatId: strange, number: eve.number(), after: 0 });
      // With a peer whose chat it is not, neither tells whether it exists.
      if (strange.startsWith('p')) await rig.isRefused(eve, 'wrongPeer', sendTo(eve, strange, { after: 0, peer: cleo.userId }));
    }
    assert.equal(rig.ann.all('entry').filter(({ author }) => author === eve.userId).length, 0);
  });

  test('by one who is no longer a member', async () => {
    const eve = await rig.fresh();
    const chatId = await rig.ann.group('short', [eve.userId]);
    await rig.ann.askFor('sent', { kind: 'removeMember', chatId, number: rig.ann.number(), after: rig.ann.after(chatId), userId: eve.userId });
    await rig.isRefused(eve, 'notAMember', sendTo(eve, chatId, { after: 0 }));
    await rig.isRefused(eve, 'notAMember', { kind: 'getMembers', request: eve.request(), chatId });
  });

  test('of what a role does not allow', async () => {
    const eve = await rig.fresh();
    const chatId = await rig.ann.group('roles', [eve.userId]);
    await rig.isRefused(eve, 'forbidden', { kind: 'removeMember', chatId, number: eve.number(), after: 0, userId: rig.ann.userId });
    const { chatId: direct } = await rig.ann.sayTo(rig.bob.userId, 'a direct chat has two members for ever');
    await rig.isRefused(rig.ann, 'forbidden', { kind: 'addMembers', chatId: direct, number: rig.ann.number(), after: rig.ann.after(direct), userIds: [eve.userId] });
  });

  test('to users that do not exist', async () => {
    const nobody = `u${'x'.repeat(20)}` as UserId;
    const device = await rig.fresh();
    await rig.isRefused(device, 'noSuchUser', sendTo(device, directChatId(device.userId, nobody), { peer: nobody }));
    await rig.isRefused(device, 'noSuchUser', { kind: 'createGroup', number: device.number(), title: 'ghosts', userIds: [nobody] });
  });

  test('with a body over the limit; one at the limit goes through', async () => {
    const device = await rig.fresh();
    const chatId = directChatId(device.userId, rig.bob.userId);
    const { bodyBytesMax } = device.welcome;
    const refused = await rig.isRefused(device, 'bodyTooBig', sendTo(device, chatId, { body: new Uint8Array(bodyBytesMax + 1), peer: rig.bob.userId }));
    assert.match(refused.says, /bodyBytesMax/);
    await device.askFor('sent', sendTo(device, chatId, { body: new Uint8Array(bodyBytesMax), after: 0, peer: rig.bob.userId }));
  });

  test('too many in flight: those over the limit are refused, all others answered, and resending brings every one in, in order', async () => {
    const device = await rig.fresh();
    const { chatId, seq } = await device.sayTo(rig.bob.userId, 'hello');
    const numbers = Array.from({ length: 4 * limits.requestsInFlightMax }, () => device.number());
    const send = (at: number): Send => sendTo(device, chatId, { number: numbers[at] as number, after: numbers[at - 1] ?? device.after(chatId), body: Buffer.from(`${at}`) });
    const frames = numbers.map((_, at) => send(at));
    for (const frame of frames) device.client.tell(frame);
    const answers: ToDevice[] = [];
    for (const number of numbers) answers.push(await device.answerTo(number));
    const refused = answers.flatMap((answer) => (answer.kind === 'refused' ? [answer] : []));
    const over = refused.filter(({ why }) => why === 'tooManyInFlight');
    assert(over.length > 0, 'nothing was refused');
    for (const { code, says, retryAfterMs } of over) assert.deepEqual([code, says, (retryAfterMs ?? 0) > 0], [refusals.tooManyInFlight.code, refusals.tooManyInFlight.says, true]);
    for (const { why } of refused) assert(why === 'tooManyInFlight' || why === 'outOfOrder', why); // what came behind a refused one is out of order
    const open = frames.filter((_, at) => answers[at]?.kind === 'refused');
    for (let at = 0; at < open.length; at += limits.openSendsPerChatMax)
      await Promise.all(open.slice(at, at + limits.openSendsPerChatMax).map((frame) => device.askFor('sent', frame)));
    assert.deepEqual(
      (await device.pullAll(chatId, seq)).map(({ number }) => number),
      numbers,
    );
  });

  test('with a number that goes backwards', async () => {
    const device = await rig.fresh();
    const { chatId } = await device.sayTo(rig.bob.userId, 'one');
    const accepted = device.after(chatId);
    const refused = await rig.isRefused(device, 'numberPassed', sendTo(device, chatId, { number: accepted - 1, after: 0 }));
    assert.match(refused.says, /new number/);
    assert.equal((await device.pullAll(chatId)).length, 2);
  });

  test('with a number that lies behind all that the chat remembers', async () => {
    const device = await rig.fresh();
    const first = await device.sayTo(rig.bob.userId, 'the first');
    const { number } = first;
    for (let nth = 0; nth < 16; nth += 1) await device.say(first.chatId, `${nth}`);
    const refused = await rig.isRefused(device, 'settled', sendTo(device, first.chatId, { number, after: 0, body: Buffer.from('the first') }));
    assert.match(refused.says, /Pull/);
    assert.equal((await device.pullAll(first.chatId)).filter((entry) => entry.number === number).length, 1);
  });

  test('with a number whose predecessor has not arrived', async () => {
    const device = await rig.fresh();
    const { chatId } = await device.sayTo(rig.bob.userId, 'one');
    const highest = device.after(chatId);
    const [missing, next] = [device.number(), device.number()];
    const refused = await rig.isRefused(device, 'outOfOrder', sendTo(device, chatId, { number: next, after: missing }));
    assert.equal(refused.highest, highest);
    await device.askFor('sent', sendTo(device, chatId, { number: missing, after: highest }));
    await device.askFor('sent', sendTo(device, chatId, { number: next, after: missing }));
  });

  test('with number 0', async () => {
    const device = await rig.fresh();
    await rig.isRefused(device, 'invalid', sendTo(device, directChatId(device.userId, rig.bob.userId), { number: 0, peer: rig.bob.userId }));
  });

  test('with a clock that is more than a day ahead', async () => {
    const device = await rig.fresh();
    const chatId = directChatId(device.userId, rig.bob.userId);
    const number = (Date.now() + limits.clockAheadMsMax + 60_000) * numbersPerMs;
    const refused = await rig.isRefused(device, 'clockOff', sendTo(device, chatId, { number, peer: rig.bob.userId }));
    assert.match(refused.says, /serverTimeMs/);
    await device.askFor('sent', sendTo(device, chatId, { number: Date.now() * numbersPerMs, after: 0, peer: rig.bob.userId }));
  });

  test('with a list over its limit', async () => {
    const device = await rig.fresh();
    const userIds = Array.from({ length: limits.membersPerCommandMax + 1 }, () => rig.bob.userId);
    await rig.isClosed('malformed', (client) => client.tell({ kind: 'createGroup', number: 1, title: 'x', userIds }), device.account);
  });
});
