// Accounts minted without passwords are good ones.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mintAccounts, parseAccounts } from '../../bench/accounts.ts';
import { systemClock } from '../../src/actors/runtime/clock.ts';
import { joseAccessTokens } from '../../src/services/tokens.jose.ts';
import { openLevelStores } from '../../src/store/stores.level.ts';

test('minted accounts are in the store, and their tokens are good to a server that opens it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-accounts-'));
  try {
    const accounts = await mintAccounts(directory, 25);
    assert.equal(new Set(accounts.map(({ userId }) => userId)).size, 25);
    const stores = await openLevelStores({ directory, clock: systemClock(), random: Math.random, onReport: () => undefined });
    const access = await joseAccessTokens({ store: stores.tokens, issuer: 'parley', nowMs: Date.now, randomBytes });
    for (const { userId, deviceId, accessToken } of accounts) {
      const judged = await access.verify(accessToken);
      assert.ok(typeof judged === 'object');
      assert.deepEqual([judged.userId, judged.deviceId], [userId, deviceId]);
      assert.equal((await stores.users.byId(userId))?.userId, userId);
      assert.equal((await stores.devices.get(userId, deviceId))?.revokedAtMs, 0);
    }
    await stores.close();
    assert.deepEqual(parseAccounts(accounts.map((account) => JSON.stringify(account)).join('\n')), accounts);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('a token file with a line of another form is refused with its number', () => {
  assert.throws(() => parseAccounts('{"userId":"u","deviceId":"d","accessToken":"t"}\n{"userId":"u"}'), /line 2/);
});
