// What every UserStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { User } from '../../src/store/users.ts';
import { ann, bob, type Opened, type OpenStores, userOf } from './samples.ts';

const account: User = { userId: ann, handle: 'ann', name: 'Ann Ü', passwordHash: '$argon2id$v=19$…', createdAtMs: 1_700_000_000_000 };

export function userStoreContract(name: string, open: OpenStores): void {
  describe(`users, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());

    test('an account is found by handle and by id, after the next opening too', async () => {
      assert.equal(await opened.stores.users.create(account), true);
      for (const again of [false, true]) {
        const stores = again ? await opened.reopen() : opened.stores;
        assert.deepEqual(await stores.users.byHandle('ann'), account);
        assert.deepEqual(await stores.users.byId(ann), account);
        assert.equal(await stores.users.byHandle('an'), undefined);
        assert.equal(await stores.users.byId(bob), undefined);
      }
    });

    test('a handle that is taken stays with who has it', async () => {
      await opened.stores.users.create(account);
      assert.equal(await opened.stores.users.create({ ...account, userId: bob, name: 'Bob' }), false);
      assert.equal((await opened.stores.users.byHandle('ann'))?.userId, ann);
      assert.equal(await opened.stores.users.byId(bob), undefined);
    });

    test('of many who race for a handle exactly one gets it', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, (_, at) => opened.stores.users.create({ ...account, userId: userOf(at), name: `${at}` })));
      assert.equal(results.filter(Boolean).length, 1);
      const winner = userOf(results.indexOf(true));
      assert.equal((await opened.stores.users.byHandle('ann'))?.userId, winner);
      assert.deepEqual(await opened.stores.users.existing(results.map((_, at) => userOf(at))), new Set([winner]));
    });

    test('a user id is given once', async () => {
      await opened.stores.users.create(account);
      assert.equal(await opened.stores.users.create({ ...account, handle: 'ann.2' }), false);
      assert.equal(await opened.stores.users.byHandle('ann.2'), undefined);
    });

    test('of a list, those that exist are named', async () => {
      await Promise.all([opened.stores.users.create(account), opened.stores.users.create({ ...account, userId: userOf(7), handle: 'seven' })]);
      assert.deepEqual(await opened.stores.users.existing([bob, ann, userOf(7)]), new Set([ann, userOf(7)]));
      assert.deepEqual(await opened.stores.users.existing([]), new Set());
    });
  });
}
