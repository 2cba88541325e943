// The stores on a real Cassandra keep the contracts.
import { after, before } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { cassandraFor, clientOf, openedCql } from './cql.ts';
import { storesContract } from './stores.contract.ts';

let cassandra: Cassandra;
let client: Client;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  const t = { after: (job: () => Promise<void>) => void ends.unshift(job) };
  cassandra = await cassandraFor(t);
  client = await clientOf(t, cassandra);
});
after(async () => {
  for (const end of ends) await end();
});

storesContract('Cassandra', () => openedCql(cassandra, client));
