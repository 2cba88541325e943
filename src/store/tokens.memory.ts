// Families of refresh tokens and signing keys on the simulator's disk.
import type { MemoryAccess } from './disk.memory.ts';
import type { KeptFamily, TokenFamily, TokenStore } from './tokens.ts';

export type FamilyRow = TokenFamily & { readonly currentSinceMs: number };

export function memoryTokens(access: MemoryAccess, nowMs: () => number): TokenStore {
  const { families, keys } = access.disk;
  return {
    create: (family) => access.write('tokens.create', () => void families.set(family.familyId, { ...family, currentSinceMs: nowMs() })),
    get: (familyId) => access.read('tokens.get', () => kept(families.get(familyId), nowMs())),
    rotate: (familyId, currentHash, nextHash, expiresAtMs) =>
      access.write('tokens.rotate', () => {
        const family = families.get(familyId);
        if (family === undefined || family.revoked || family.currentHash !== currentHash) return false;
        families.set(familyId, { ...family, currentHash: nextHash, expiresAtMs, currentSinceMs: nowMs() });
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

function kept(row: FamilyRow | undefined, nowMs: number): KeptFamily | undefined {
  if (row === undefined) return undefined;
  const { currentSinceMs, ...family } = row;
  return { ...family, currentForMs: nowMs - currentSinceMs };
}
