// Refresh tokens: each is good once, a lost answer can be had again, and a copy gives itself away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenLimits } from '../../src/services/tokens.ts';
import { good, refusedWhy, registered, world } from './world.ts';

test('a refresh gives new tokens for the same device', async () => {
  const at = await world();
  const first = await registered(at);
  at.nowMs += 60_000;
  const second = good(await at.tokens.refresh(first.refreshToken));
  assert.deepEqual([second.userId, second.deviceId], [first.userId, first.deviceId]);
  assert.notEqual(second.refreshToken, first.refreshToken);
  assert.equal(second.serverTimeMs, at.nowMs);
  assert.equal(second.refreshExpiresAtMs, at.nowMs + tokenLimits.refreshIdleMs);
  assert.ok(second.accessExpiresAtMs > first.accessExpiresAtMs);
  const verified = await at.tokens.verifyAccess(second.accessToken);
  assert.ok(typeof verified === 'object' && verified.deviceId === first.deviceId);
});

test('each token of a long chain differs, and only the newest is current', async () => {
  const at = await world();
  let { refreshToken } = await registered(at);
  const seen = new Set([refreshToken]);
  for (let round = 0; round < 10; round += 1) {
    at.nowMs += 3_600_000;
    ({ refreshToken } = good(await at.tokens.refresh(refreshToken)));
    seen.add(refreshToken);
  }
  assert.equal(seen.size, 11);
});

test('the store never sees a refresh token, only its hash', async () => {
  const at = await world();
  const { refreshToken } = await registered(at);
  const kept = JSON.stringify([...at.stores.disk.families.values()]);
  assert.ok(!kept.includes(refreshToken.split('.')[1] as string));
});

test('a device whose answer was lost asks again within the grace and gets the same token', async () => {
  const at = await world();
  const { refreshToken } = await registered(at);
  const lost = good(await at.tokens.refresh(refreshToken));
  at.nowMs += tokenLimits.refreshGraceMs;
  const again = good(await at.tokens.refresh(refreshToken));
  assert.equal(again.refreshToken, lost.refreshToken);
  assert.equal(again.refreshExpiresAtMs, lost.refreshExpiresAtMs);
  good(await at.tokens.refresh(again.refreshToken));
  assert.deepEqual(at.revoked, []);
});

test('the grace survives a restart of the server between the lost answer and the next try', async () => {
  const before = await world();
  const { refreshToken } = await registered(before);
  const lost = good(await before.tokens.refresh(refreshToken));
  const after = await world({ disk: before.stores.disk });
  assert.equal(good(await after.tokens.refresh(refreshToken)).refreshToken, lost.refreshToken);
});

test('the grace survives the signing key that the lost token was made under', async () => {
  const at = await world();
  at.nowMs += tokenLimits.keyMs - 30_000;
  const { refreshToken } = await registered(at);
  const lost = good(await at.tokens.refresh(refreshToken));
  at.nowMs += 40_000;
  const other = await world({ disk: at.stores.disk });
  other.nowMs = at.nowMs;
  await other.needs.access.successorKeys();
  assert.equal(good(await other.tokens.refresh(refreshToken)).refreshToken, lost.refreshToken);
});

test('a device that asks twice at once gets one next token, not two', async () => {
  const at = await world();
  const { refreshToken } = await registered(at);
  const answers = await Promise.all([at.tokens.refresh(refreshToken), at.tokens.refresh(refreshToken), at.tokens.refresh(refreshToken)]);
  assert.equal(new Set(answers.map((answer) => good(answer).refreshToken)).size, 1);
});

test('a used token that comes back after the grace revokes the family and logs the device out', async () => {
  const at = await world();
  const first = await registered(at);
  const second = good(await at.tokens.refresh(first.refreshToken));
  at.nowMs += tokenLimits.refreshGraceMs + 1;
  assert.equal(refusedWhy(await at.tokens.refresh(first.refreshToken)), 'tokenReused');
  assert.equal(refusedWhy(await at.tokens.refresh(second.refreshToken)), 'loggedOut', 'the good one is good no more');
  assert.equal(await at.devices.loggedIn(first.userId, first.deviceId), undefined);
  assert.equal(refusedWhy(await at.auth.whoIs(second.accessToken)), 'loggedOut');
  assert.deepEqual(at.revoked, [[first.userId, first.deviceId]]);
});

test('a token older than the one before the current has no grace, however soon it comes', async () => {
  const at = await world();
  const first = await registered(at);
  const second = good(await at.tokens.refresh(first.refreshToken));
  good(await at.tokens.refresh(second.refreshToken));
  assert.equal(refusedWhy(await at.tokens.refresh(first.refreshToken)), 'tokenReused');
});

test("a thief's use is found out when the owner comes, and the owner's when the thief comes", async () => {
  const at = await world();
  const { refreshToken: stolen } = await registered(at);
  at.nowMs += 3_600_000;
  const thief = good(await at.tokens.refresh(stolen));
  at.nowMs += tokenLimits.refreshGraceMs + 1;
  assert.equal(refusedWhy(await at.tokens.refresh(stolen)), 'tokenReused');
  assert.equal(refusedWhy(await at.tokens.refresh(thief.refreshToken)), 'loggedOut');
});

test('a right family with a wrong secret is a copy gone wrong: the family is revoked', async () => {
  const at = await world();
  const { refreshToken } = await registered(at);
  assert.equal(refusedWhy(await at.tokens.refresh(`${refreshToken.split('.')[0]}.${'A'.repeat(43)}`)), 'tokenReused');
});

test('what is no refresh token of ours is wrong and revokes nothing', async () => {
  const at = await world();
  const { refreshToken, accessToken } = await registered(at);
  for (const odd of ['', 'x', '.', accessToken, refreshToken.slice(1), `${refreshToken}A`, `f${'A'.repeat(28)}.${'A'.repeat(43)}`])
    assert.equal(refusedWhy(await at.tokens.refresh(odd)), 'tokenWrong', odd.slice(0, 40));
  good(await at.tokens.refresh(refreshToken));
});

test('a refresh token that is not used expires', async () => {
  const at = await world();
  const { refreshToken, refreshExpiresAtMs } = await registered(at);
  at.nowMs = refreshExpiresAtMs - 1;
  const { refreshToken: next } = good(await at.tokens.refresh(refreshToken));
  at.nowMs += tokenLimits.refreshIdleMs;
  assert.equal(refusedWhy(await at.tokens.refresh(next)), 'tokenExpired');
  assert.deepEqual(at.revoked, [], 'expiry is not theft');
});

test('a family ends for good, however often it is used', async () => {
  const at = await world();
  let tokens = await registered(at);
  const endMs = at.nowMs + tokenLimits.refreshAbsoluteMs;
  while (at.nowMs + tokenLimits.refreshIdleMs / 2 < endMs) {
    at.nowMs += tokenLimits.refreshIdleMs / 2;
    tokens = good(await at.tokens.refresh(tokens.refreshToken));
  }
  assert.equal(tokens.refreshExpiresAtMs, endMs);
  at.nowMs = endMs;
  assert.equal(refusedWhy(await at.tokens.refresh(tokens.refreshToken)), 'tokenExpired');
});

test('a device that was logged out cannot refresh', async () => {
  const at = await world();
  const { userId, deviceId, refreshToken } = await registered(at);
  await at.devices.revoke(userId, deviceId);
  assert.equal(refusedWhy(await at.tokens.refresh(refreshToken)), 'loggedOut');
});

test('a device that was logged out cannot refresh even if its families were left behind by a crash', async () => {
  const at = await world();
  const { userId, deviceId, refreshToken } = await registered(at);
  const device = await at.stores.devices.get(userId, deviceId);
  assert.ok(device);
  await at.stores.devices.put({ ...device, revokedAtMs: at.nowMs });
  assert.equal(refusedWhy(await at.tokens.refresh(refreshToken)), 'loggedOut');
});

test('when the store fails at the rotation, the same token is good again afterwards', async () => {
  let full = false;
  const at = await world({ faults: { beforeWrite: (operation) => (full && operation === 'tokens.rotate' ? 'full' : 'ok') } });
  const { refreshToken } = await registered(at);
  full = true;
  await assert.rejects(at.tokens.refresh(refreshToken));
  full = false;
  at.nowMs += 3_600_000;
  good(await at.tokens.refresh(refreshToken));
});
