// Devices on the simulator's disk.
import type { Device, DeviceStore } from './devices.ts';
import type { MemoryAccess } from './disk.memory.ts';

export function memoryDevices(access: MemoryAccess): DeviceStore {
  const { devices } = access.disk;
  return {
    put: (device) =>
      access.write('devices.put', () => {
        const own = devices.get(device.userId) ?? new Map<string, Device>();
        own.set(device.deviceId, device);
        devices.set(device.userId, own);
      }),
    get: (userId, deviceId) => access.read('devices.get', () => devices.get(userId)?.get(deviceId)),
    list: (userId) => access.read('devices.list', () => [...(devices.get(userId)?.values() ?? [])]),
  };
}
