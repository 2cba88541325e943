// Accounts, devices and profiles by their rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/protocol/limits.ts';
import { rateRules } from '../../src/services/rate-limits.ts';
import { tokenLimits, type Verified } from '../../src/services/tokens.ts';
import type { DeviceId } from '../../src/structures/ids.ts';
import { address, good, password, refusedWhy, registered, type World, world } from './world.ts';

const logIn = (
  { auth }: World,
  { handle = 'ann', password: typed = password, deviceId, from = address }: { handle?: string; password?: string; deviceId?: DeviceId; from?: string } = {},
) => auth.logIn({ handle, password: typed, deviceName: 'laptop', deviceId }, from);

test('who has registered is logged in, and can log in again with another device', async () => {
  const at = await world();
  const first = await registered(at);
  const second = good(await logIn(at));
  assert.equal(second.userId, first.userId);
  assert.notEqual(second.deviceId, first.deviceId);
  for (const { accessToken, deviceId } of [first, second]) assert.equal(good(await at.auth.whoIs(accessToken)).deviceId, deviceId);
});

test('a handle has one owner, also when two ask at once', async () => {
  const at = await world();
  const asking = () => at.auth.register({ handle: 'ann', password, deviceName: 'phone' }, address);
  const answers = await Promise.all([asking(), asking(), asking()]);
  assert.deepEqual(answers.map(refusedWhy).filter((why) => why === 'handleTaken').length, 2);
  assert.equal(refusedWhy(await asking()), 'handleTaken');
});

test('a closed server takes no registrations', async () => {
  const at = await world({ registration: 'closed' });
  assert.equal(refusedWhy(await at.auth.register({ handle: 'ann', password, deviceName: 'phone' }, address)), 'registrationClosed');
  assert.equal(at.stores.disk.users.size, 0);
});

test('a wrong password and an unknown handle get the same answer', async () => {
  const at = await world();
  await registered(at);
  assert.deepEqual(await logIn(at, { password: 'wrong horse' }), await logIn(at, { handle: 'nobody' }));
});

test('the password is not what is kept', async () => {
  const at = await world();
  await registered(at);
  assert.ok(!JSON.stringify([...at.stores.disk.users.values()]).includes(password));
});

test('a device of this user that logs in again keeps its id; its former refresh tokens end', async () => {
  const at = await world();
  const first = await registered(at);
  const again = good(await logIn(at, { deviceId: first.deviceId }));
  assert.equal(again.deviceId, first.deviceId);
  assert.equal(refusedWhy(await at.tokens.refresh(first.refreshToken)), 'loggedOut');
  good(await at.tokens.refresh(again.refreshToken));
  assert.deepEqual(
    (await at.devices.list(first.userId)).map(({ name }) => name),
    ['laptop'],
  );
  assert.deepEqual(at.revoked, [], 'nobody was logged out');
});

test("nobody gets another user's device by naming it", async () => {
  const at = await world();
  const ann = await registered(at);
  const bob = await registered(at, 'bob');
  const claimed = good(await logIn(at, { handle: 'bob', deviceId: ann.deviceId }));
  assert.notEqual(claimed.deviceId, ann.deviceId);
  assert.notEqual(claimed.deviceId, bob.deviceId);
  good(await at.auth.whoIs(ann.accessToken));
});

test('a device that logs out is out at once: tokens bad, sockets to be closed, the others untouched', async () => {
  const at = await world();
  const first = await registered(at);
  const second = good(await logIn(at));
  await at.auth.logOut(good(await at.auth.whoIs(first.accessToken)));
  assert.equal(refusedWhy(await at.auth.whoIs(first.accessToken)), 'loggedOut');
  assert.equal(refusedWhy(await at.tokens.refresh(first.refreshToken)), 'loggedOut');
  assert.deepEqual(at.revoked, [[first.userId, first.deviceId]]);
  good(await at.auth.whoIs(second.accessToken));
  assert.deepEqual(
    (await at.devices.list(first.userId)).map(({ deviceId }) => deviceId),
    [second.deviceId],
  );
});

test('an access token from before a log-out stays bad when the device has logged in again', async () => {
  const at = await world();
  const stolen = await registered(at);
  at.nowMs += tokenLimits.leewayMs + 5_000;
  await at.devices.revoke(stolen.userId, stolen.deviceId);
  const again = good(await logIn(at, { deviceId: stolen.deviceId }));
  assert.equal(again.deviceId, stolen.deviceId);
  assert.equal(refusedWhy(await at.auth.whoIs(stolen.accessToken)), 'loggedOut');
  good(await at.auth.whoIs(again.accessToken));
});

test('expired and wrong access tokens are told apart', async () => {
  const at = await world();
  const { accessToken, accessExpiresAtMs } = await registered(at);
  at.nowMs = accessExpiresAtMs + tokenLimits.leewayMs;
  assert.equal(refusedWhy(await at.auth.whoIs(accessToken)), 'tokenExpired');
  assert.equal(refusedWhy(await at.auth.whoIs(`${accessToken}x`)), 'tokenWrong');
});

test('one log-in too many logs out the device whose log-in is the oldest', async () => {
  const at = await world();
  const first = await registered(at);
  const later: DeviceId[] = [];
  for (let device = 0; device < limits.devicesPerUserMax; device += 1) {
    at.nowMs += 1_000;
    later.push(good(await logIn(at)).deviceId);
  }
  assert.deepEqual(at.revoked, [[first.userId, first.deviceId]]);
  assert.deepEqual(
    (await at.devices.list(first.userId)).map(({ deviceId }) => deviceId),
    later.toReversed(),
  );
});

test('a user revokes only devices of their own', async () => {
  const at = await world();
  const ann = await registered(at);
  const bob = await registered(at, 'bob');
  assert.equal(refusedWhy(await at.devices.revoke(bob.userId, ann.deviceId)), 'noSuchDevice');
  good(await at.auth.whoIs(ann.accessToken));
});

test('guesses at one handle from one address are limited, others are not held up, and the wait is told', async () => {
  const at = await world({ rules: rateRules });
  await registered(at);
  for (let guess = 0; guess < rateRules.logInByAddressAndHandle.points; guess += 1) assert.equal(refusedWhy(await logIn(at, { password: 'wrong horse' })), 'wrongPassword');
  const limited = await logIn(at);
  assert.equal(refusedWhy(limited), 'rateLimited', 'even with the right password');
  assert.ok('retryAfterMs' in limited && (limited.retryAfterMs ?? 0) > 0);
  good(await logIn(at, { from: '192.0.2.2' }));
});

test('guesses that come all at once pass no more often than one after the other', async () => {
  const at = await world({ rules: { ...rateRules, logInByAddressAndHandle: { ...rateRules.logInByAddressAndHandle, points: 3 } } });
  await registered(at);
  const answers = await Promise.all(Array.from({ length: 12 }, () => logIn(at, { password: 'wrong horse' })));
  assert.equal(answers.filter((answer) => refusedWhy(answer) === 'wrongPassword').length, 3);
});

test('log-ins that succeed do not count', async () => {
  const at = await world({ rules: { ...rateRules, logInByAddressAndHandle: { ...rateRules.logInByAddressAndHandle, points: 2 } } });
  const { deviceId } = await registered(at);
  for (let round = 0; round < 5; round += 1) good(await logIn(at, { deviceId }));
});

test('guesses at one handle from many addresses are limited too', async () => {
  const at = await world({ rules: { ...rateRules, logInByHandle: { ...rateRules.logInByHandle, points: 2 } } });
  await registered(at);
  for (const from of ['192.0.2.2', '192.0.2.3']) assert.equal(refusedWhy(await logIn(at, { from, password: 'wrong horse' })), 'wrongPassword');
  assert.equal(refusedWhy(await logIn(at, { from: '192.0.2.4' })), 'rateLimited');
});

test('profiles are found by handle in any case, and by ids; what does not exist is left out', async () => {
  const at = await world();
  const { userId } = await registered(at);
  const bob = await registered(at, 'bob');
  const ann = { userId, handle: 'ann', name: 'ann' };
  assert.deepEqual(await at.profiles.byHandle('ANN'), ann);
  assert.equal(await at.profiles.byHandle('nobody'), undefined);
  const stranger = `u${'x'.repeat(20)}` as Verified['userId'];
  assert.deepEqual(await at.profiles.byIds([bob.userId, stranger, userId, userId]), [{ userId: bob.userId, handle: 'bob', name: 'bob' }, ann]);
  assert.deepEqual(await at.profiles.existing([stranger, userId]), new Set([userId]));
});
