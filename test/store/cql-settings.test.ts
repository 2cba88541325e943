// The settings of the CQL store: what goes together, and texts that say what to set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { cqlOptionsOf, cqlSettings } from '../../src/store/cql-settings.ts';

const shape = z.object(cqlSettings);
const optionsOf = (settings: Readonly<Record<string, string>>) => cqlOptionsOf(shape.parse(settings));

test('without PARLEY_CQL there is no such store', () => assert.equal(optionsOf({}), undefined));

test('all settings arrive', () => {
  const options = optionsOf({
    PARLEY_CQL: 'db-1:9142, db-2,[::1]:9042',
    PARLEY_CQL_ADDRESSES: '10.0.0.1=203.0.113.7:9042',
    PARLEY_CQL_DATA_CENTER: 'dc1',
    PARLEY_CQL_KEYSPACE: 'chats',
    PARLEY_CQL_USER: 'ann',
    PARLEY_CQL_PASSWORD: 'secret',
    PARLEY_CQL_TLS: 'on',
    PARLEY_CQL_TLS_CA: 'ca.pem',
    PARLEY_CQL_TLS_CERT: 'cert.pem',
    PARLEY_CQL_TLS_KEY: 'key.pem',
    PARLEY_CQL_TLS_NAME: 'store',
    PARLEY_CQL_REPLICAS: '3',
    PARLEY_CQL_DIALECT: 'scylla',
    PARLEY_CQL_TABLETS: 'no',
    PARLEY_CQL_TIMEOUT_MS: '500',
  });
  assert.deepEqual(options, {
    contactPoints: ['db-1:9142', 'db-2', '[::1]:9042'],
    addresses: new Map([['10.0.0.1', '203.0.113.7:9042']]),
    dataCenter: 'dc1',
    keyspace: 'chats',
    credentials: { username: 'ann', password: 'secret' },
    tls: { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem', name: 'store' },
    replicas: 3,
    dialect: 'scylla',
    tablets: false,
    timeoutMs: 500,
  });
});

test('what is left out: the only data centre, no credentials, no TLS, no keyspace made', () => {
  assert.deepEqual(optionsOf({ PARLEY_CQL: 'db' }), {
    contactPoints: ['db'],
    addresses: new Map(),
    dataCenter: undefined,
    keyspace: 'parley',
    credentials: undefined,
    tls: undefined,
    replicas: undefined,
    dialect: undefined,
    tablets: undefined,
    timeoutMs: 3_000,
  });
});

for (const [wrong, says] of [
  [{ PARLEY_CQL: 'cql://db' }, /host or host:port/],
  [{ PARLEY_CQL: 'ann:secret@db' }, /without a name or password/],
  [{ PARLEY_CQL: 'db:99999' }, /host or host:port/],
  [{ PARLEY_CQL: 'db,' }, /host or host:port/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_KEYSPACE: 'My-Chats' }, /beginning with a letter/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_REPLICAS: '-1' }, /PARLEY_CQL_REPLICAS/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_DIALECT: 'mysql' }, /PARLEY_CQL_DIALECT/],
  [{ PARLEY_CQL_USER: 'ann', PARLEY_CQL_PASSWORD: 'secret' }, /set PARLEY_CQL too/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_USER: 'ann' }, /PARLEY_CQL_USER and PARLEY_CQL_PASSWORD: set both/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_TLS_CA: 'ca.pem' }, /set PARLEY_CQL_TLS to on/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_TLS: 'on', PARLEY_CQL_TLS_CERT: 'c.pem' }, /PARLEY_CQL_TLS_CERT and PARLEY_CQL_TLS_KEY: set both/],
  [{ PARLEY_CQL: 'db', PARLEY_CQL_DIALECT: 'cassandra', PARLEY_CQL_TABLETS: 'no' }, /only ScyllaDB/],
] as const) {
  test(`refused: ${JSON.stringify(wrong)}`, () => assert.throws(() => optionsOf(wrong), says));
}
