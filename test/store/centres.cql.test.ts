// A Cassandra of two data centres that acknowledges before it has written: what a start says to either.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { types } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { StoreRefused } from '../../src/store/faults.ts';
import type { Report } from '../../src/store/stores.cql.ts';
import { cassandraFor, clientOf, openCql } from './cql.ts';

let cassandra: Cassandra;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  cassandra = await cassandraFor({ after: (job) => void ends.unshift(job) }, { nodes: 2, dataCenters: ['dc1', 'dc2'], commitLog: 'periodic', authentication: false });
});
after(async () => {
  for (const end of ends) await end();
});

test('a keyspace in two data centres is refused, with the statement that mends it', async (t) => {
  const client = await clientOf({ after: (job) => t.after(job) }, cassandra);
  await client.execute("CREATE KEYSPACE in_both WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1, 'dc2': 1}", [], { consistency: types.consistencies.one });
  await assert.rejects(openCql(cassandra, { PARLEY_CQL_DATA_CENTER: 'dc1', PARLEY_CQL_KEYSPACE: 'in_both' }), (error: Error) => {
    assert.ok(error instanceof StoreRefused);
    assert.match(error.message, /in_both is replicated to several data centres \(dc1, dc2\).*ALTER KEYSPACE in_both WITH replication = .*'dc1': 3/);
    return true;
  });
});

test('whoever does not say which data centre is theirs is asked to', async () => {
  await assert.rejects(openCql(cassandra), /several data centres \(dc1, dc2\): set PARLEY_CQL_DATA_CENTER/);
});

test('in one of them all is well but the commit log, which is warned of; the other is never asked', async (t) => {
  const reports: Report[] = [];
  const stores = await openCql(cassandra, { PARLEY_CQL_DATA_CENTER: 'dc2' }, { reports });
  t.after(() => stores.close());
  assert.equal(stores.dataCenter, 'dc2');
  const warning = reports.find(({ says }) => /commitlog_sync: periodic/.test(says));
  assert.equal(warning?.level, 'warn');
  assert.match(warning.says, /127\.0\.0\.2/);
  assert.doesNotMatch(warning.says, /127\.0\.0\.1/);
});
