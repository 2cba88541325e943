// How the CQL store is opened: what stops a start, and with which text; who makes the schema; what is told to the operator.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Client, types } from 'cassandra-driver';
import type { Cassandra } from '../../scripts/services/cassandra.ts';
import { StoreRefused, StoreUnavailable } from '../../src/store/faults.ts';
import { type CqlMigration, checkReplication, openSchema } from '../../src/store/schema.cql.ts';
import { CqlSession } from '../../src/store/session.cql.ts';
import type { CqlStores, Report } from '../../src/store/stores.cql.ts';
import { type Certificate, certificateIn } from '../certificates.ts';
import { openCql, optionsFor } from './cql.ts';
import { appendOf, room } from './samples.ts';

export interface StartRig {
  readonly cassandra: () => Cassandra;
  readonly client: () => Client;
  /** What the server shows of itself to whoever speaks TLS. */
  readonly certificate: () => Certificate;
  readonly folder: () => string;
}

export function startTests({ cassandra, client, certificate, folder }: StartRig): void {
  const open = (settings: Readonly<Record<string, string>> = {}, more: Parameters<typeof openCql>[2] = {}) => openCql(cassandra(), settings, more);
  const opened = async (t: TestContext, ...args: Parameters<typeof open>): Promise<CqlStores> => {
    const stores = await open(...args);
    t.after(() => stores.close());
    return stores;
  };
  /** To a node that knows nothing of that keyspace the first `times` times that it is asked: its answer then is the one about a keyspace that nobody has. */
  const behind = async (t: TestContext, keyspace: string, times: number): Promise<{ readonly session: CqlSession; readonly asked: () => number }> => {
    const session = await CqlSession.connect(optionsFor(cassandra(), { PARLEY_CQL_KEYSPACE: keyspace }));
    t.after(() => session.close());
    const { client } = session;
    const execute = client.execute.bind(client) as (query: string, params: unknown[], options: object) => Promise<types.ResultSet>;
    let asked = 0;
    const executeBehind: typeof execute = (query, params, options) => {
      const isAbout = query.includes('system_schema.keyspaces');
      if (isAbout) asked += 1;
      return execute(query, isAbout && asked <= times ? ['of_nobody'] : params, options);
    };
    Object.assign(client, { execute: executeBehind });
    return { session, asked: () => asked };
  };
  const refuses = (work: Promise<unknown>, says: RegExp, kind: typeof StoreRefused | typeof StoreUnavailable = StoreRefused): Promise<void> =>
    assert.rejects(work, (error: Error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /not-the-password/);
      return true;
    });

  describe('a start on Cassandra', () => {
    test('with a wrong password, a wrong name, or none: what to set, and never what was set', async () => {
      await refuses(open({ PARLEY_CQL_PASSWORD: 'not-the-password' }), /refuses the name "cassandra" or the password: look at PARLEY_CQL_USER and PARLEY_CQL_PASSWORD/);
      await refuses(open({ PARLEY_CQL_USER: '', PARLEY_CQL_PASSWORD: '' }), /wants a name and password: set PARLEY_CQL_USER/);
    });

    test('where nobody listens: where it looked, and what to look at', async () => {
      await refuses(openCql({ contactPoints: ['127.0.0.1:9'] }), /127\.0\.0\.1:9 cannot be reached .*ECONNREFUSED.*PARLEY_CQL/, StoreUnavailable);
    });

    test('in a data centre that there is not: which ones there are', async () => {
      await refuses(open({ PARLEY_CQL_DATA_CENTER: 'dc7' }), /no data centre "dc7", only dc1: look at PARLEY_CQL_DATA_CENTER/);
    });

    test('without a keyspace, and none is to be made: the statement that makes it', async () => {
      await refuses(open({ PARLEY_CQL_KEYSPACE: 'nowhere', PARLEY_CQL_REPLICAS: '0' }), /CREATE KEYSPACE IF NOT EXISTS nowhere WITH .*'dc1': 3.*PARLEY_CQL_REPLICAS/);
    });

    test('on a keyspace of other tables: it is left alone', async () => {
      await client().execute("CREATE KEYSPACE foreign_one WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1}");
      await client().execute('CREATE TABLE foreign_one.things (id int PRIMARY KEY)');
      await refuses(open({ PARLEY_CQL_KEYSPACE: 'foreign_one' }), /foreign_one holds tables that are not Parley's \(things\)/);
    });

    test('on a keyspace that another node of the store has just made, and of which the one that is asked has not heard: it is asked again', async (t) => {
      const { session, asked } = await behind(t, 'heard_late', 5);
      const { incarnation } = await openSchema(session, { replicas: 1, onReport: () => undefined });
      assert.ok(asked() > 5, `asked ${asked()} times`);
      assert.equal((await opened(t, { PARLEY_CQL_KEYSPACE: 'heard_late' })).incarnation, incarnation);
    });

    test('on a keyspace of which a node of the store does not hear at all: which node, and what to look at', async (t) => {
      const { session } = await behind(t, 'never_heard', Number.POSITIVE_INFINITY);
      const says = /have not heard of the keyspace never_heard within 0\.2 s: 127\.0\.0\.1:\d+\..*nodetool describecluster/;
      await refuses(openSchema(session, { replicas: 1, onReport: () => undefined, hearMsMax: 200 }), says, StoreUnavailable);
    });

    test('with one replica: a warning', async (t) => {
      const reports: Report[] = [];
      await opened(t, {}, { reports });
      assert.deepEqual(
        reports.map(({ level }) => level),
        ['warn'],
      );
      assert.match(reports[0]?.says ?? '', /has 1 replica/);
    });

    test('two nodes at once on nothing make one schema, of one incarnation', async (t) => {
      const settings = { PARLEY_CQL_KEYSPACE: 'made_twice' };
      const both = await Promise.all([opened(t, settings), opened(t, settings)]);
      assert.equal(both[0].incarnation, both[1].incarnation);
      await both[0].messages.append(appendOf(room, { tip: 1 }));
      assert.equal((await both[1].messages.open(room)).lastSeq, 1);
    });

    test('a chain of migrations runs once, though two nodes start, goes on where it was cut short, and keeps older nodes out', async (t) => {
      const settings = { PARLEY_CQL_KEYSPACE: 'made_twice' };
      const ran: string[] = [];
      let fails = true;
      const step = (says: string): CqlMigration => ({
        says,
        run(session) {
          ran.push(says);
          if (says === 'second' && fails) return Promise.reject(new Error('cut short'));
          return session.change(`CREATE TABLE IF NOT EXISTS ${session.keyspace}.${says} (id int PRIMARY KEY)`);
        },
      });
      const migrations = [step('first'), step('second')];
      await assert.rejects(open(settings, { migrations }), /cut short/);
      fails = false;
      const reports: Report[] = [];
      const both = await Promise.all([opened(t, settings, { migrations, reports }), opened(t, settings, { migrations, reports })]);
      assert.deepEqual(ran, ['first', 'second', 'second']);
      assert.equal(reports.filter(({ says }) => /from schema 2 to 3: second/.test(says)).length, 1);
      assert.equal((await both[1].messages.open(room)).lastSeq, 1);
      await refuses(open(settings), /written by a newer Parley \(schema 3; this one knows up to 1\)/);
    });

    test('by TLS, where the certificate is signed by whom it names; else not, and says why', async (t) => {
      const tls = { PARLEY_CQL_TLS: 'on', PARLEY_CQL_TLS_CA: certificate().certFile };
      const { dataCenter } = await opened(t, tls);
      assert.equal(dataCenter, 'dc1');
      const other = await certificateIn(folder(), 'other');
      await refuses(open({ ...tls, PARLEY_CQL_TLS_CA: other.certFile }), /certificate is not good \(.*PARLEY_CQL_TLS_CA names who may sign it/);
      await refuses(open({ ...tls, PARLEY_CQL_TLS_NAME: 'elsewhere' }), /another name .*PARLEY_CQL_TLS_NAME/);
      await refuses(open({ ...tls, PARLEY_CQL_TLS_CA: join(folder(), 'none.pem') }), /PARLEY_CQL_TLS_CA: .*none\.pem cannot be read \(ENOENT\)/);
    });
  });

  describe('replication', () => {
    const place = { keyspace: 'k', localDataCenter: 'dc1', centres: ['dc1'] };
    const network = 'org.apache.cassandra.locator.NetworkTopologyStrategy';
    const simple = 'org.apache.cassandra.locator.SimpleStrategy';
    test('in one data centre, ours, is good', () => {
      assert.deepEqual(checkReplication({ class: network, dc1: '3' }, place), { replicas: 3 });
      assert.deepEqual(checkReplication({ class: network, dc1: '3', dc2: '0' }, { ...place, centres: ['dc1', 'dc2'] }), { replicas: 3 });
      assert.deepEqual(checkReplication({ class: simple, replication_factor: '1' }, place), { replicas: 1 });
    });
    for (const [name, replication, centres, says] of [
      ['in two data centres', { class: network, dc1: '3', dc2: '3' }, ['dc1', 'dc2'], /several data centres \(dc1, dc2\).*ALTER KEYSPACE k WITH .*'dc1': 3/],
      ['in another than ours', { class: network, dc2: '3' }, ['dc1', 'dc2'], /replicated in dc2, this node's data centre is dc1/],
      ['without regard to two', { class: simple, replication_factor: '3' }, ['dc1', 'dc2'], /without regard to data centres/],
      ['by a strategy that nobody knows', { class: 'EverywhereStrategy' }, ['dc1'], /EverywhereStrategy.*NetworkTopologyStrategy/],
    ] as const)
      test(`${name} is refused`, () => assert.throws(() => checkReplication(replication, { ...place, centres }), says));
  });
}
