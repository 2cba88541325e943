// What every DeviceStore keeps.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ann, bob, deviceOf, type Opened, type OpenStores } from './samples.ts';

export function deviceStoreContract(name: string, open: OpenStores): void {
  describe(`devices, ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.end());
    const phone = { userId: ann, deviceId: deviceOf(1), name: 'phone', createdAtMs: 5, revokedAtMs: 0 };

    test('a device is found under its user alone, after the next opening too', async () => {
      await opened.stores.devices.put(phone);
      for (const again of [false, true]) {
        const { devices } = again ? await opened.reopen() : opened.stores;
        assert.deepEqual(await devices.get(ann, phone.deviceId), phone);
        assert.equal(await devices.get(bob, phone.deviceId), undefined);
        assert.equal(await devices.get(ann, deviceOf(2)), undefined);
        assert.deepEqual([await devices.list(ann), await devices.list(bob)], [[phone], []]);
      }
    });

    test('putting a device again replaces it', async () => {
      await opened.stores.devices.put(phone);
      await opened.stores.devices.put({ ...phone, deviceId: deviceOf(2), name: 'desk' });
      await opened.stores.devices.put({ ...phone, revokedAtMs: 9 });
      assert.deepEqual((await opened.stores.devices.list(ann)).map((device) => [device.name, device.revokedAtMs]).sort(), [
        ['desk', 0],
        ['phone', 9],
      ]);
    });
  });
}
