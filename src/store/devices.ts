// The devices of each user.
import type { DeviceId, UserId } from '../structures/ids.ts';

export interface Device {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly name: string;
  readonly createdAtMs: number;
  /** 0 while the device is logged in. */
  readonly revokedAtMs: number;
}

/** Contract: test/store/devices.contract.ts. */
export interface DeviceStore {
  put(device: Device): Promise<void>;
  get(userId: UserId, deviceId: DeviceId): Promise<Device | undefined>;
  list(userId: UserId): Promise<readonly Device[]>;
}
