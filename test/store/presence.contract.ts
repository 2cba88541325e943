// What every PresenceStore does.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ann, bob, type Opened, type OpenStores } from './samples.ts';

export function presenceStoreContract(name: string, open: OpenStores): void {
  describe(`presence, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());

    test('the last word about a user stands, and nothing is known of others', async () => {
      const { presence } = opened.stores;
      await presence.put({ userId: ann, online: true, lastSeenMs: 5 });
      await presence.put({ userId: ann, online: false, lastSeenMs: 9 });
      assert.partialDeepStrictEqual(await presence.get(ann), { userId: ann, online: false, lastSeenMs: 9 });
      assert.equal(await presence.get(bob), undefined);
    });
  });
}
