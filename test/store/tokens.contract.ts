// What every TokenStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { KeptFamily, TokenFamily } from '../../src/store/tokens.ts';
import { ann, bob, deviceOf, type Opened, type OpenStores } from './samples.ts';

const family: TokenFamily = { familyId: 'family-1', userId: ann, deviceId: deviceOf(1), currentHash: 'a', expiresAtMs: 100, revoked: false };

function asGiven(kept: KeptFamily | undefined): TokenFamily | undefined {
  const { currentForMs: _, ...given } = kept ?? { currentForMs: 0 };
  return kept && (given as TokenFamily);
}

export function tokenStoreContract(name: string, open: OpenStores): void {
  describe(`tokens, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
      await opened.stores.tokens.create(family);
    });
    afterEach(() => opened.end());

    test('a family is found after the next opening', async () => {
      const { tokens } = await opened.reopen();
      assert.deepEqual([asGiven(await tokens.get('family-1')), await tokens.get('family')], [family, undefined]);
    });

    test('rotating puts the next token in the place of the current one', async () => {
      const { tokens } = opened.stores;
      assert.equal(await tokens.rotate('family-1', 'a', 'b', 200), true);
      assert.equal(await tokens.rotate('family-1', 'a', 'c', 300), false);
      assert.deepEqual(asGiven(await tokens.get('family-1')), { ...family, currentHash: 'b', expiresAtMs: 200 });
      assert.equal(await tokens.rotate('family-2', 'a', 'b', 200), false);
    });

    test('a store says how long a hash has been the current one, by its own clock; what it refuses begins no new time', async () => {
      const { tokens } = opened.stores;
      const currentForMs = async (): Promise<number> => (await tokens.get('family-1'))?.currentForMs as number;
      const grownBy = async (ms: number): Promise<number> => {
        for (const startedMs = performance.now(); ; ) {
          const nowMs = await currentForMs();
          if (nowMs >= ms) return nowMs;
          assert.ok(performance.now() - startedMs < 5_000, `${nowMs} ms only`);
          await new Promise(setImmediate);
        }
      };
      const before = await grownBy(50);
      const startedMs = performance.now();
      assert.equal(await tokens.rotate('family-1', 'b', 'c', 200), false);
      assert.ok((await currentForMs()) >= before);
      assert.equal(await tokens.rotate('family-1', 'a', 'b', 200), true);
      const after = await currentForMs();
      assert.ok(after >= 0 && after <= performance.now() - startedMs + 2, `${after} ms`);
      const growsFrom = await grownBy(after + 20);
      await tokens.revoke('family-1');
      assert.ok((await currentForMs()) >= growsFrom, 'to revoke is no new hash');
    });

    test('of many who race to rotate exactly one wins', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, (_, at) => opened.stores.tokens.rotate('family-1', 'a', `next-${at}`, 200)));
      assert.equal(results.filter(Boolean).length, 1);
      assert.equal((await opened.stores.tokens.get('family-1'))?.currentHash, `next-${results.indexOf(true)}`);
    });

    test('a revoked family rotates no more, also when both race', async () => {
      const { tokens } = opened.stores;
      const [, rotated] = await Promise.all([tokens.revoke('family-1'), tokens.rotate('family-1', 'a', 'b', 200)]);
      const after = await tokens.get('family-1');
      assert.equal(after?.revoked, true);
      assert.equal(after.currentHash, rotated ? 'b' : 'a');
      assert.equal(await tokens.rotate('family-1', after.currentHash, 'c', 300), false);
    });

    test('revoking a device revokes all of its families and no other', async () => {
      const { tokens } = opened.stores;
      await tokens.create({ ...family, familyId: 'family-2' });
      await tokens.create({ ...family, familyId: 'family-3', deviceId: deviceOf(2) });
      await tokens.create({ ...family, familyId: 'family-4', userId: bob });
      await tokens.revokeDevice(ann, deviceOf(1));
      const again = (await opened.reopen()).tokens;
      const revoked = await Promise.all(['family-1', 'family-2', 'family-3', 'family-4'].map(async (familyId) => (await again.get(familyId))?.revoked));
      assert.deepEqual(revoked, [true, true, false, false]);
    });

    test('signing keys are all there after the next opening, each once', async () => {
      const keys = [1, 2].map((n) => ({ keyId: `key-${n}`, jwk: `{"n":${n}}`, createdAtMs: n }));
      for (const key of [...keys, ...keys]) await opened.stores.tokens.addKey(key);
      assert.deepEqual(
        (await (await opened.reopen()).tokens.keys()).toSorted((a, b) => a.createdAtMs - b.createdAtMs),
        keys,
      );
    });
  });
}
