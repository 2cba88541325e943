// Devices on CQL. Two nodes may write about one device at once, with clocks that differ: times of log-in and revocation each rise only, so no old write undoes a revocation.
import type { DeviceId, UserId } from '../structures/ids.ts';
import type { Device, DeviceStore } from './devices.ts';
import type { CqlSession, Row } from './session.cql.ts';

export function cqlDevices(session: CqlSession): DeviceStore {
  const devices = `${session.keyspace}.devices`;
  const key = 'WHERE user_id = ? AND device_id = ?';
  return {
    async put({ userId, deviceId, name, createdAtMs, revokedAtMs }) {
      const statements = [
        { query: `UPDATE ${devices} SET name = ? ${key}`, params: [name, userId, deviceId] },
        { query: `UPDATE ${devices} USING TIMESTAMP ? SET created_at = ? ${key}`, params: [createdAtMs, createdAtMs, userId, deviceId] },
      ];
      if (revokedAtMs > 0) statements.push({ query: `UPDATE ${devices} USING TIMESTAMP ? SET revoked_at = ? ${key}`, params: [revokedAtMs, revokedAtMs, userId, deviceId] });
      await session.writeAll(statements);
    },

    async get(userId, deviceId) {
      const row = await session.one(`SELECT * FROM ${devices} ${key}`, [userId, deviceId]);
      return row && deviceIn(row);
    },

    list: async (userId) => (await session.read(`SELECT * FROM ${devices} WHERE user_id = ?`, [userId])).map(deviceIn),
  };
}

function deviceIn(row: Row): Device {
  const createdAtMs = Number(row['created_at']);
  const revokedAtMs = Number(row['revoked_at'] ?? 0);
  return {
    userId: row['user_id'] as UserId,
    deviceId: row['device_id'] as DeviceId,
    name: row['name'],
    createdAtMs,
    revokedAtMs: revokedAtMs >= createdAtMs ? revokedAtMs : 0, // else it has been logged in again
  };
}
