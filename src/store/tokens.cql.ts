// Families of refresh tokens on CQL: changed by condition alone, so of two that rotate at once one wins; an index by device; and the signing keys.
// A conditional write bears the time at which the store made it, which never falls within a partition: by that a hash is as old as it is.
import type { DeviceId, UserId } from '../structures/ids.ts';
import type { CqlSession } from './session.cql.ts';
import type { KeptFamily, TokenStore } from './tokens.ts';

export function cqlTokens(session: CqlSession): TokenStore {
  const families = `${session.keyspace}.token_families`;
  const byDevice = `${session.keyspace}.token_families_by_device`;
  const keys = `${session.keyspace}.signing_keys`;

  const columns = 'user_id, device_id, current_hash, expires_at, revoked, writetime(current_hash) AS since, toUnixTimestamp(now()) AS now';
  const familyQuery = `SELECT ${columns} FROM ${families} WHERE family_id = ?`;

  const familyOf = async (familyId: string, serial = false): Promise<KeptFamily | undefined> => {
    const row = await session.one(familyQuery, [familyId], { serial });
    if (row === undefined) return undefined;
    return {
      familyId,
      userId: row['user_id'] as UserId,
      deviceId: row['device_id'] as DeviceId,
      currentHash: row['current_hash'],
      expiresAtMs: (row['expires_at'] as Date).getTime(),
      revoked: row['revoked'],
      currentForMs: Math.max(0, Number(row['now']) - Number(row['since']) / 1_000),
    };
  };
  const revoke = async (familyId: string): Promise<void> => {
    await session.decide([{ query: `UPDATE ${families} SET revoked = true WHERE family_id = ? IF EXISTS`, params: [familyId] }]);
  };

  return {
    async create({ familyId, userId, deviceId, currentHash, expiresAtMs, revoked }) {
      // The index first: what is revoked by device must not miss a family.
      await session.write(`INSERT INTO ${byDevice} (user_id, device_id, family_id) VALUES (?, ?, ?)`, [userId, deviceId, familyId]);
      const query = `INSERT INTO ${families} (family_id, user_id, device_id, current_hash, expires_at, revoked) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS`;
      await session.decide([{ query, params: [familyId, userId, deviceId, currentHash, expiresAtMs, revoked] }]);
    },

    get: (familyId) => familyOf(familyId),

    async rotate(familyId, currentHash, nextHash, expiresAtMs) {
      const query = `UPDATE ${families} SET current_hash = ?, expires_at = ? WHERE family_id = ? IF current_hash = ? AND revoked = false`;
      if (await session.decide([{ query, params: [nextHash, expiresAtMs, familyId, currentHash] }])) return true;
      // Hashes are of random tokens: where ours stands, an earlier submission of this very rotation has been carried out.
      return (await familyOf(familyId, true))?.currentHash === nextHash;
    },

    revoke,

    async revokeDevice(userId, deviceId) {
      const rows = await session.read(`SELECT family_id FROM ${byDevice} WHERE user_id = ? AND device_id = ?`, [userId, deviceId]);
      await Promise.all(rows.map((row) => revoke(row['family_id'])));
    },

    async keys() {
      const rows = await session.read(`SELECT key_id, jwk, created_at FROM ${keys} WHERE kind = 'signing'`, []);
      return rows.map((row) => ({ keyId: row['key_id'], jwk: row['jwk'], createdAtMs: (row['created_at'] as Date).getTime() }));
    },

    addKey: ({ keyId, jwk, createdAtMs }) => session.write(`INSERT INTO ${keys} (kind, key_id, jwk, created_at) VALUES ('signing', ?, ?, ?)`, [keyId, jwk, createdAtMs]),
  };
}
