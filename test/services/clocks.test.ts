// Clocks of nodes that are wrong, each in its way: nobody is taken for a thief or logged out because of one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenLimits } from '../../src/services/tokens.ts';
import { address, good, password, refusedWhy, registered, type World, world } from './world.ts';

const minuteMs = 60_000;
const jumps = [-40 * 86_400_000, -3_600_000, -5 * minuteMs, -40_000, 40_000, 5 * minuteMs, 3_600_000, 40 * 86_400_000];

/** Another node over the same store, whose clock is apart from the right one. */
async function nodeAside(at: World, aheadMs: number): Promise<World> {
  const aside = await world({ disk: at.stores.disk, nowMs: at.nowMs + aheadMs });
  aside.storeAheadMs = -aheadMs;
  return aside;
}

for (const aheadMs of jumps) {
  test(`a lost answer is given again by any node, whether its clock or that of the first is apart by ${aheadMs} ms`, async () => {
    const at = await world();
    const aside = await nodeAside(at, aheadMs);
    for (const [first, second] of [
      [at, aside],
      [aside, at],
    ] as const) {
      const { refreshToken } = await registered(at, `ann-${first === at}`);
      const lost = good(await first.tokens.refresh(refreshToken));
      for (const node of [at, aside]) node.nowMs += tokenLimits.refreshGraceMs / 2;
      const again = good(await second.tokens.refresh(refreshToken));
      assert.equal(again.refreshToken, lost.refreshToken);
      good(await first.tokens.refresh(again.refreshToken));
    }
    assert.deepEqual([...at.revoked, ...aside.revoked], []);
  });

  test(`a copy is found out all the same when a clock is apart by ${aheadMs} ms`, async () => {
    const at = await world();
    const aside = await nodeAside(at, aheadMs);
    const { refreshToken } = await registered(at);
    const thief = good(await aside.tokens.refresh(refreshToken));
    for (const node of [at, aside]) node.nowMs += tokenLimits.refreshGraceMs + 1;
    assert.equal(refusedWhy(await aside.tokens.refresh(refreshToken)), 'tokenReused');
    assert.equal(refusedWhy(await at.tokens.refresh(thief.refreshToken)), 'loggedOut');
  });

  test(`who logs in at a node whose clock is apart by ${aheadMs} ms is logged in at all of them, and gets in with a fresh token`, async () => {
    const at = await world();
    const aside = await nodeAside(at, aheadMs);
    for (const [first, second] of [
      [at, aside],
      [aside, at],
    ] as const) {
      const logIn = await registered(first, `ann-${first === at}`);
      assert.notEqual(refusedWhy(await second.auth.whoIs(logIn.accessToken)), 'loggedOut');
      const renewed = good(await second.tokens.refresh(logIn.refreshToken));
      good(await second.auth.whoIs(renewed.accessToken));
      assert.notEqual(refusedWhy(await first.auth.whoIs(renewed.accessToken)), 'loggedOut');
      if (Math.abs(aheadMs) <= tokenLimits.aheadMs) for (const { accessToken } of [logIn, renewed]) for (const node of [at, aside]) good(await node.auth.whoIs(accessToken));
    }
  });
}

test('a clock that jumps ahead refuses a token so that the device renews it; back again, the node takes both', async () => {
  const at = await world();
  const { accessToken, refreshToken } = await registered(at);
  at.nowMs += 3_600_000;
  at.storeAheadMs -= 3_600_000;
  assert.equal(refusedWhy(await at.auth.whoIs(accessToken)), 'tokenExpired');
  const renewed = good(await at.tokens.refresh(refreshToken));
  good(await at.auth.whoIs(renewed.accessToken));
  at.nowMs -= 3_600_000;
  at.storeAheadMs += 3_600_000;
  assert.equal(refusedWhy(await at.auth.whoIs(renewed.accessToken)), 'tokenExpired', 'dated an hour ahead');
  good(await at.auth.whoIs(good(await at.tokens.refresh(renewed.refreshToken)).accessToken));
  assert.deepEqual(at.revoked, []);
});

test('an access token from before a log-out stays bad after the next log-in, even where that comes at once or at an earlier time by the clock', async () => {
  for (const laterMs of [0, 1, -minuteMs, -3_600_000]) {
    const at = await world();
    const stolen = await registered(at);
    await at.devices.revoke(stolen.userId, stolen.deviceId);
    at.nowMs += laterMs;
    const again = good(await at.auth.logIn({ handle: 'ann', password, deviceName: 'phone', deviceId: stolen.deviceId }, address));
    assert.equal(again.deviceId, stolen.deviceId);
    good(await at.auth.whoIs(again.accessToken));
    at.nowMs -= laterMs;
    assert.equal(refusedWhy(await at.auth.whoIs(stolen.accessToken)), 'loggedOut', `${laterMs} ms later`);
  }
});

test('a refresh whose answer was lost is no theft because another node has made a new signing key since this one looked', async () => {
  const at = await world();
  at.nowMs += tokenLimits.keyMs - 2 * minuteMs;
  const { refreshToken } = await registered(at);
  await at.needs.access.successorKeys(true);
  at.nowMs += 3 * minuteMs;
  const other = await world({ disk: at.stores.disk, nowMs: at.nowMs }); // opens after the key has become old: makes the next one
  const lost = good(await other.tokens.refresh(refreshToken));
  assert.equal(good(await at.tokens.refresh(refreshToken)).refreshToken, lost.refreshToken);
});

test('a token that builds before wrote, without its log-in, is judged by its time', async () => {
  const at = await world();
  const { userId, deviceId } = await registered(at);
  const old = { userId, deviceId, issuedAtMs: at.nowMs, expiresAtMs: at.nowMs + minuteMs };
  assert.equal(await at.devices.deviceGood(old), true);
  assert.equal(await at.devices.deviceGood({ ...old, issuedAtMs: at.nowMs - tokenLimits.leewayMs - 1 }), false);
});
