// How a device keeps its tokens: renewed in time, once, written down before they are used.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Accounts, HttpRefused, ServerUnreachable, type Tokens } from '../../src/sdk/accounts.ts';
import { LoggedOut } from '../../src/sdk/faults.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import { loginOf, TokenKeeper } from '../../src/sdk/tokens.ts';
import { FakeClock } from '../sim/clock.ts';
import { ann, annPhone } from './rig.ts';

const accessMs = 600_000;
/** The server's clock is years behind the device's: only differences count. */
const serverTimeMs = 1_000_000;

function tokensOf(nth: number): Tokens {
  return {
    userId: ann,
    deviceId: annPhone,
    accessToken: `access ${nth}`,
    accessExpiresAtMs: serverTimeMs + accessMs,
    refreshToken: `refresh ${nth}`,
    refreshExpiresAtMs: 0,
    serverTimeMs,
  };
}

async function keeper(answers: (() => Promise<Tokens>)[] = []) {
  const clock = new FakeClock();
  const disk = memoryDisk();
  const storage = disk.storage();
  await storage.open();
  const asked: string[] = [];
  let nth = 1;
  const accounts = {
    async refresh(refreshToken: string) {
      asked.push(refreshToken);
      nth += 1;
      return await (answers.shift() ?? (async () => tokensOf(nth)))();
    },
  } as Pick<Accounts, 'refresh'> as Accounts;
  return { clock, disk, storage, asked, tokens: new TokenKeeper(loginOf(tokensOf(1), { url: 'http://a', handle: 'ann' }, clock), accounts, storage, clock) };
}

test('a token serves until shortly before it expires, then it is renewed, whatever the clocks say', async () => {
  const { clock, asked, tokens } = await keeper();
  assert.equal(await tokens.accessToken(false), 'access 1');
  clock.leap(accessMs - 31_000);
  assert.equal(await tokens.accessToken(false), 'access 1');
  clock.leap(2_000);
  assert.equal(await tokens.accessToken(false), 'access 2');
  assert.equal(await tokens.accessToken(false), 'access 2');
  assert.deepEqual(asked, ['refresh 1']);
});

test('all who ask at once share one renewal: a refresh token is good once', async () => {
  const { asked, tokens } = await keeper();
  assert.deepEqual(await Promise.all([tokens.accessToken(true), tokens.accessToken(true), tokens.accessToken(true)]), ['access 2', 'access 2', 'access 2']);
  assert.deepEqual(asked, ['refresh 1']);
  assert.equal(await tokens.accessToken(true), 'access 3');
  assert.deepEqual(asked, ['refresh 1', 'refresh 2']);
});

test('the new pair is kept before the new token is used', async () => {
  const { disk, tokens } = await keeper();
  await tokens.accessToken(true);
  disk.crash();
  const kept = await disk.storage().open();
  assert.deepEqual([kept.login?.accessToken, kept.login?.refreshToken, kept.login?.handle], ['access 2', 'refresh 2', 'ann']);
});

test('a refresh token that the server does not take means logged out; a server out of reach does not', async () => {
  const { asked, tokens } = await keeper([
    () => Promise.reject(new ServerUnreachable('x')),
    () => Promise.reject(new HttpRefused(503, 'busy', 'later', 5)),
    () => Promise.reject(new HttpRefused(401, 'tokenReused', 'log in', null)),
  ]);
  await assert.rejects(tokens.accessToken(true), ServerUnreachable);
  await assert.rejects(tokens.accessToken(true), HttpRefused);
  await assert.rejects(tokens.accessToken(true), LoggedOut);
  assert.deepEqual(asked, ['refresh 1', 'refresh 1', 'refresh 1']);
});
