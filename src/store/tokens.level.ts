// Families of refresh tokens in the embedded store: a row a family, an index by device; and the signing keys.
import { Lru } from '../structures/lru.ts';
import type { Committer } from './committer.level.ts';
import type { Group } from './group.level.ts';
import type { Home } from './home.level.ts';
import { familyKey, familyOfDeviceKey, familyOfDevicePrefix, signingKeyKey, signingKeyPrefix, within } from './keys.level.ts';
import type { SigningKey, TokenFamily, TokenStore } from './tokens.ts';

/** Families whose last change is remembered by a clock that does not jump; of others it counts as the opening. */
const changesMax = 100_000;

const rowOf = (value: TokenFamily | SigningKey): Buffer => Buffer.from(JSON.stringify(value));
const familyIn = (row: Buffer | undefined): TokenFamily | undefined => row && JSON.parse(row.toString());

export function levelTokens(home: Home, committer: Committer, steadyMs: () => number = () => performance.now()): TokenStore {
  const openedMs = steadyMs();
  const changedMs = new Lru<string, number>(changesMax);
  const change = (group: Group, familyId: string, next: (family: TokenFamily) => TokenFamily | undefined): boolean => {
    const family = familyIn(committer.look(familyKey(familyId)));
    const changed = family && next(family);
    if (changed !== undefined) committer.keep(group, familyKey(familyId), rowOf(changed));
    return changed !== undefined;
  };

  return {
    async create(family) {
      const group = committer.gather();
      committer.keep(group, familyKey(family.familyId), rowOf(family));
      group.put(familyOfDeviceKey(family.userId, family.deviceId, family.familyId), Buffer.alloc(0));
      await group.applied;
      changedMs.set(family.familyId, steadyMs());
    },

    async get(familyId) {
      const family = familyIn(await home.read((database) => database.get(familyKey(familyId))));
      return family && { ...family, currentForMs: steadyMs() - (changedMs.peek(familyId) ?? openedMs) };
    },

    async rotate(familyId, currentHash, nextHash, expiresAtMs) {
      const group = committer.gather();
      const isRotated = change(group, familyId, (family) => (family.revoked || family.currentHash !== currentHash ? undefined : { ...family, currentHash: nextHash, expiresAtMs }));
      await group.applied;
      if (isRotated) changedMs.set(familyId, steadyMs());
      return isRotated;
    },

    async revoke(familyId) {
      const group = committer.gather();
      change(group, familyId, (family) => ({ ...family, revoked: true }));
      await group.applied;
    },

    async revokeDevice(userId, deviceId) {
      await committer.gather().applied; // the index is read from the database: what was created before must be in it
      const prefix = familyOfDevicePrefix(userId, deviceId);
      const keys = await home.read((database) => database.keys(within(prefix)).all());
      const group = committer.gather();
      for (const key of keys) change(group, key.subarray(prefix.byteLength).toString(), (family) => ({ ...family, revoked: true }));
      await group.applied;
    },

    async keys() {
      const rows = await home.read((database) => database.values(within(signingKeyPrefix())).all());
      return rows.map((row): SigningKey => JSON.parse(row.toString()));
    },

    async addKey(key) {
      const group = committer.gather();
      group.put(signingKeyKey(key.createdAtMs, key.keyId), rowOf(key));
      await group.applied;
    },
  };
}
