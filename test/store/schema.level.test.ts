// Layouts of the embedded store: older ones become ours, newer and foreign ones are left alone.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { StoreRefused } from '../../src/store/faults.ts';
import { numberBytes, userKey } from '../../src/store/keys.level.ts';
import { type Migration, migrations, versionKey } from '../../src/store/schema.level.ts';
import type { Report } from '../../src/store/stores.level.ts';
import { newDirectory, openLevel, reporting } from './level.ts';
import { ann } from './samples.ts';

const account = { userId: ann, handle: 'ann', name: 'Ann', passwordHash: 'x', createdAtMs: 1 };

describe('the layout of the embedded store', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await newDirectory();
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function inDatabase(work: (database: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
    const database = new ClassicLevel<Buffer, Buffer>(join(directory, 'db'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await database.open();
    await work(database).finally(() => database.close());
  }

  const renamed = (name: string): Migration => ({
    says: `names become ${name}`,
    async run(database) {
      const user = JSON.parse((await database.get(userKey(ann)))?.toString() ?? '{}');
      await database.put(userKey(ann), Buffer.from(JSON.stringify({ ...user, name: `${user.name} ${name}` })));
    },
  });

  test('an older one is migrated step by step, once, and says so', async () => {
    const old = await openLevel(directory, { migrations: [] });
    await old.users.create(account);
    await old.close();
    const reports: Report[] = [];
    for (const chain of [[renamed('one')], [renamed('one'), renamed('two'), renamed('three')], [renamed('one'), renamed('two'), renamed('three')]]) {
      const stores = await openLevel(directory, { migrations: chain, ...reporting(reports) });
      assert.equal((await stores.users.byId(ann))?.name, ['Ann', ...chain.map(({ says }) => says.split(' ').at(-1))].join(' '));
      await stores.close();
    }
    assert.deepEqual(
      reports.map(({ says }) => /layout (\d) to (\d)/.exec(says)?.slice(1).join()),
      ['1,2', '2,3', '3,4'],
    );
  });

  test('a migration that was cut short begins again where it stood', async () => {
    const old = await openLevel(directory, { migrations: [] });
    await old.users.create(account);
    await old.close();
    const failing: Migration = { says: 'fails', run: () => Promise.reject(new Error('cut short')) };
    await assert.rejects(openLevel(directory, { migrations: [renamed('one'), failing] }), /cut short/);
    const stores = await openLevel(directory, { migrations: [renamed('one'), renamed('two')] });
    assert.equal((await stores.users.byId(ann))?.name, 'Ann one two');
    await stores.close();
  });

  test('a newer one is refused with what to do, and stays as it is', async () => {
    await (await openLevel(directory)).close();
    await inDatabase((database) => database.put(versionKey, numberBytes(9)));
    await assert.rejects(
      openLevel(directory),
      (error: Error) =>
        error instanceof StoreRefused && error.message.includes(`newer Parley (layout 9; this one knows up to ${1 + migrations.length})`) && error.message.includes('backup'),
    );
    await inDatabase(async (database) => assert.deepEqual(await database.get(versionKey), numberBytes(9)));
  });

  test('a database that is not ours is refused and stays as it is', async () => {
    await inDatabase((database) => database.put(Buffer.from('a'), Buffer.from('b')));
    await assert.rejects(openLevel(directory), /not Parley's/);
    await inDatabase(async (database) => assert.equal(await database.get(versionKey), undefined));
  });

  test('the incarnation is drawn at the first opening and stays', async () => {
    const { incarnation, close } = await openLevel(directory);
    await close();
    assert.match(incarnation, /^[\w-]{20}$/);
    const again = await openLevel(directory);
    assert.equal(again.incarnation, incarnation);
    await again.close();
    await rm(directory, { recursive: true });
    const other = await openLevel(directory);
    assert.notEqual(other.incarnation, incarnation);
    await other.close();
  });
});
