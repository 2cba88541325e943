// The stores on a real Cassandra keep the contracts, and what else they promise. One server for all: it takes seconds to start, and most of a gigabyte.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { type Certificate, certificateIn } from '../certificates.ts';
import { cassandraFor, clientOf, openedCql } from './cql.ts';
import { fenceTests } from './fence.ts';
import { outageTests } from './outages.ts';
import { resyncTests } from './resyncs.ts';
import { sharingTests } from './sharing.ts';
import { startTests } from './start.ts';
import { storesContract } from './stores.contract.ts';

let cassandra: Cassandra;
let client: Client;
let folder: string;
let certificate: Certificate;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  const t = { after: (job: () => Promise<void>) => void ends.unshift(job) };
  folder = await mkdtemp(join(tmpdir(), 'parley-cql-'));
  t.after(() => rm(folder, { recursive: true }));
  certificate = await certificateIn(folder);
  const both = join(folder, 'both.pem');
  await writeFile(both, (await readFile(certificate.keyFile, 'utf8')) + certificate.pem, { mode: 0o600 });
  cassandra = await cassandraFor(t, { configuration: tlsToo(both) });
  client = await clientOf(t, cassandra);
});
after(async () => {
  for (const end of ends) await end();
});

storesContract('Cassandra', () => openedCql(cassandra, client));
fenceTests({ cassandra: () => cassandra, client: () => client });
sharingTests({ cassandra: () => cassandra, client: () => client });
startTests({ cassandra: () => cassandra, client: () => client, certificate: () => certificate, folder: () => folder });
resyncTests({ cassandra: () => cassandra, client: () => client });
outageTests({ cassandra: () => cassandra });

/** On the same port as what is not encrypted. */
function tlsToo(pemFile: string): string {
  return `client_encryption_options:
  enabled: true
  optional: true
  keystore: "${pemFile}"
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory`;
}
