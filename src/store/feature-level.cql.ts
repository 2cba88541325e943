// Which kinds of entries and envelopes the cluster already writes: a number in the keyspace that only rises, so that no build that cannot read them starts.
import type { CqlSession } from './session.cql.ts';

export interface FeatureLevel {
  read(): Promise<number>;
  /** To the larger of the two. */
  raise(to: number): Promise<void>;
}

const name = 'feature_level';

export function cqlFeatureLevel(session: CqlSession): FeatureLevel {
  const about = `${session.keyspace}.about`;
  const stored = async (): Promise<number | undefined> => {
    const row = await session.one(`SELECT value FROM ${about} WHERE name = ?`, [name], { serial: true });
    return row === undefined ? undefined : Number(row['value']);
  };
  return {
    read: async () => (await stored()) ?? 0,
    async raise(to) {
      for (;;) {
        const is = await stored();
        if (is !== undefined && is >= to) return;
        // By condition, as everything in that table; who was overtaken looks again.
        const statement =
          is === undefined
            ? { query: `INSERT INTO ${about} (name, value) VALUES (?, ?) IF NOT EXISTS`, params: [name, `${to}`] }
            : { query: `UPDATE ${about} SET value = ? WHERE name = ? IF value = ?`, params: [`${to}`, name, `${is}`] };
        if (await session.decide([statement])) return;
      }
    },
  };
}
