// A user's devices: which are logged in, and how one is logged out.
import { limits } from '../protocol/limits.ts';
import type { Device, DeviceStore } from '../store/devices.ts';
import type { TokenStore } from '../store/tokens.ts';
import { type DeviceId, idFrom, type UserId } from '../structures/ids.ts';
import type { Refused } from './refused.ts';
import { type RandomBytes, tokenLimits, type Verified } from './tokens.ts';

export interface DeviceNeeds {
  readonly store: DeviceStore;
  readonly tokens: Pick<TokenStore, 'revokeDevice'>;
  readonly nowMs: () => number;
  readonly randomBytes: RandomBytes;
  /** The device was logged out, durably: its sockets are to be closed (`loggedOut`). */
  readonly onRevoked: (userId: UserId, deviceId: DeviceId) => void;
}

export interface DeviceService {
  /**
   * A log-in by this device. One of the user's own devices keeps its id, any other gets a new one. A log-in beyond `devicesPerUserMax` logs out the device whose log-in is
   * the oldest: to refuse it would lock out who has lost all of them.
   */
  begin(userId: UserId, name: string, deviceId: DeviceId | undefined): Promise<Device>;
  /** Those that are logged in, the newest first. */
  list(userId: UserId): Promise<readonly Device[]>;
  revoke(userId: UserId, deviceId: DeviceId): Promise<Refused | undefined>;
  /** Undefined where it is not. */
  loggedIn(userId: UserId, deviceId: DeviceId): Promise<Device | undefined>;
  /**
   * Whether the device is logged in, by the log-in that the token is of: one from before a log-out stays bad when the device has logged in again. To be asked after a token has been
   * verified; sockets ask at hello.
   */
  deviceGood(token: Verified): Promise<boolean>;
}

export function deviceService(needs: DeviceNeeds): DeviceService {
  const { store, nowMs, tokens, onRevoked } = needs;
  const allLoggedIn = async (userId: UserId) => (await store.list(userId)).filter(({ revokedAtMs }) => revokedAtMs === 0).sort((a, b) => b.createdAtMs - a.createdAtMs);
  const revoke = async (device: Device): Promise<void> => {
    // First the device, which is what hello and refresh look at; the rest is then only tidying.
    if (device.revokedAtMs === 0) await store.put({ ...device, revokedAtMs: nowMs() });
    await tokens.revokeDevice(device.userId, device.deviceId);
    onRevoked(device.userId, device.deviceId);
  };
  const loggedIn = async (userId: UserId, deviceId: DeviceId) => {
    const device = await store.get(userId, deviceId);
    return device?.revokedAtMs === 0 ? device : undefined;
  };
  return {
    list: allLoggedIn,
    async begin(userId, name, deviceId) {
      const known = deviceId && (await store.get(userId, deviceId));
      if (known) return again(needs, known, name);
      const others = await allLoggedIn(userId);
      for (const oldest of others.slice(limits.devicesPerUserMax - 1)) await revoke(oldest);
      const device = { userId, deviceId: idFrom<'device'>('d', needs.randomBytes(15)), name, createdAtMs: nowMs(), revokedAtMs: 0 };
      await store.put(device);
      return device;
    },
    async revoke(userId, deviceId) {
      const device = await store.get(userId, deviceId);
      if (device === undefined) return { refused: 'noSuchDevice' };
      await revoke(device);
      return undefined;
    },
    loggedIn,
    async deviceGood({ userId, deviceId, issuedAtMs, logIn }) {
      const device = await loggedIn(userId, deviceId);
      if (device === undefined) return false;
      return logIn === undefined ? issuedAtMs + tokenLimits.leewayMs >= device.createdAtMs : logIn === device.createdAtMs;
    },
  };
}

/** The device logs in once more: its older families end. One that was logged out begins anew, so that its older access tokens stay bad. */
async function again({ store, tokens, nowMs }: DeviceNeeds, known: Device, name: string): Promise<Device> {
  await tokens.revokeDevice(known.userId, known.deviceId);
  const createdAtMs = known.revokedAtMs === 0 ? known.createdAtMs : Math.max(nowMs(), known.createdAtMs + 1); // another log-in, whatever the clock says
  const device = { ...known, name, createdAtMs, revokedAtMs: 0 };
  await store.put(device);
  return device;
}
