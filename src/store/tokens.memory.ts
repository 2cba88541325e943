// Families of refresh tokens and signing keys on the simulator's disk.
import type { MemoryAccess } from './disk.memory.ts';
import type { TokenStore } from './tokens.ts';

export function memoryTokens(access: MemoryAccess): TokenStore {
  const { families, keys } = access.disk;
  return {
    create: (family) => access.write('tokens.create', () => void families.set(family.familyId, family)),
    get: (familyId) => access.read('tokens.get', () => families.get(familyId)),
    rotate: (familyId, currentHash, nextHash, expiresAtMs) =>
      access.write('tokens.rotate', () => {
        const family = families.get(familyId);
        if (family === undefined || family.revoked || family.currentHash !== currentHash) return false;
        families.set(familyId, { ...family, currentHash: nextHash, expiresAtMs });
        return true;
      }),
    revoke: (familyId) =>
      access.write('tokens.revoke', () => {
        const family = families.get(familyId);
        if (family !== undefined) families.set(familyId, { ...family, revoked: true });
      }),
    revokeDevice: (userId, deviceId) =>
      access.write('tokens.revokeDevice', () => {
        for (const [familyId, family] of families) if (family.userId === userId && family.deviceId === deviceId) families.set(familyId, { ...family, revoked: true });
      }),
    keys: () => access.read('tokens.keys', () => [...keys]),
    addKey: (key) =>
      access.write('tokens.addKey', () => {
        if (!keys.some(({ keyId }) => keyId === key.keyId)) keys.push(key);
      }),
  };
}
