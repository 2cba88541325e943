// Devices in the embedded store: a row a device, under its user.
import type { Committer } from './committer.level.ts';
import type { Device, DeviceStore } from './devices.ts';
import type { Home } from './home.level.ts';
import { deviceKey, devicePrefix, within } from './keys.level.ts';
import type { Reads } from './reads.level.ts';

export function levelDevices(home: Home, committer: Committer, reads: Reads): DeviceStore {
  return {
    async put(device) {
      const group = committer.gather();
      group.put(deviceKey(device.userId, device.deviceId), Buffer.from(JSON.stringify(device)));
      await group.applied;
    },

    async get(userId, deviceId) {
      const row = await reads.get(deviceKey(userId, deviceId));
      return row && JSON.parse(row.toString());
    },

    async list(userId) {
      const rows = await home.read((database) => database.values(within(devicePrefix(userId))).all());
      return rows.map((row): Device => JSON.parse(row.toString()));
    },
  };
}
