// Access tokens: only ours, only unchanged, only in their time.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { joseAccessTokens } from '../../src/services/tokens.jose.ts';
import type { AccessTokens } from '../../src/services/tokens.ts';
import { tokenLimits } from '../../src/services/tokens.ts';
import { type MemoryStores, memoryStores } from '../../src/store/stores.memory.ts';
import { type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

const ann: UserId = idFrom<'user'>('u', randomBytes(15));
const phone: DeviceId = idFrom<'device'>('d', randomBytes(15));

interface Issuer {
  readonly access: AccessTokens;
  readonly stores: MemoryStores;
  readonly clock: { nowMs: number };
}

async function issuer({ stores = memoryStores(), clock = { nowMs: 1_800_000_000_500 }, name = 'test', writesMac = (): boolean => true } = {}): Promise<Issuer> {
  return { access: await joseAccessTokens({ store: stores.tokens, issuer: name, nowMs: () => clock.nowMs, randomBytes, writesMac }), stores, clock };
}

async function newestKey({ stores }: Issuer): Promise<{ readonly keyId: string; readonly jwk: JWK }> {
  const key = (await stores.tokens.keys()).at(-1);
  assert.ok(key);
  return { keyId: key.keyId, jwk: JSON.parse(key.jwk) as JWK };
}

/** A token signed with the right key, whose claims differ from a good one's by `changes`. */
async function signed(from: Issuer, changes: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const { keyId, jwk } = await newestKey(from);
  const iat = Math.floor(from.clock.nowMs / 1_000);
  const claims = { iss: 'test', sub: ann, dev: phone, iat, exp: iat + 600, jti: 'x', ...changes };
  return new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: keyId, ...header }).sign(await importJWK(jwk, 'EdDSA'));
}

test('a token that was signed here is good at once, and says whose it is and until when', async () => {
  const { access, clock } = await issuer();
  const { token, expiresAtMs } = await access.sign(ann, phone, 7);
  assert.deepEqual(access.verify(token), { userId: ann, deviceId: phone, issuedAtMs: 1_800_000_000_000, expiresAtMs, logIn: 7 });
  assert.equal(expiresAtMs, 1_800_000_000_000 + tokenLimits.accessMs);
  assert.ok(clock.nowMs < expiresAtMs);
});

test('a token begins with a JWT that another library verifies too, with the key that is kept', async () => {
  const from = await issuer();
  const { token } = await from.access.sign(ann, phone, 7);
  const { jwk } = await newestKey(from);
  const { d: _secret, ...open } = jwk;
  const [jwt = ''] = token.split('~');
  const { payload, protectedHeader } = await jwtVerify(jwt, await importJWK(open, 'EdDSA'), { issuer: 'test', currentDate: new Date(from.clock.nowMs) });
  assert.deepEqual([payload.sub, payload['dev'], protectedHeader.alg], [ann, phone, 'EdDSA']);
  assert.equal(typeof payload.jti, 'string');
});

test('a token is good until its end and the leeway of the clocks, and expired from then on', async () => {
  const { access, clock } = await issuer();
  const { token, expiresAtMs } = await access.sign(ann, phone, 7);
  clock.nowMs = expiresAtMs + tokenLimits.leewayMs - 1;
  assert.equal(typeof access.verify(token), 'object');
  clock.nowMs += 1;
  assert.equal(access.verify(token), 'expired');
});

test('a token that was found good before is judged by the time all the same, and by the time of its key', async () => {
  const { access, clock } = await issuer();
  const { token, expiresAtMs } = await access.sign(ann, phone, 7);
  const first = access.verify(token);
  assert.deepEqual(access.verify(token), first);
  assert.equal(access.verify(`${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`), 'wrong');
  clock.nowMs = expiresAtMs + tokenLimits.leewayMs;
  assert.equal(access.verify(token), 'expired');
  clock.nowMs += tokenLimits.keyMs;
  await access.sign(ann, phone, 7); // under the key that follows
  clock.nowMs += tokenLimits.keyOverlapMs;
  assert.equal(await access.verify(token), 'wrong');
});

test('no letter of a token can be changed, left out or added', async () => {
  const { access, clock } = await issuer();
  const { token } = await access.sign(ann, phone, 7);
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A';
    clock.nowMs += tokenLimits.keysReloadMinMs / 1_000;
    assert.equal(await access.verify(token.slice(0, at) + other + token.slice(at + 1)), 'wrong', `letter ${at} changed`);
    assert.equal(await access.verify(token.slice(0, at) + token.slice(at + 1)), 'wrong', `letter ${at} left out`);
  }
  for (const more of ['=', ' ', '.', 'A', '\n']) assert.equal(await access.verify(token + more), 'wrong');
});

test('while an older node is about tokens have no MAC; of those no letter can be changed, left out or added either', async () => {
  const { access, clock } = await issuer({ writesMac: () => false });
  const { token } = await access.sign(ann, phone, 7);
  assert.equal(token.includes('~'), false);
  assert.equal(typeof access.verify(token), 'object');
  for (let at = 0; at < token.length; at += 1) {
    clock.nowMs += tokenLimits.keysReloadMinMs / 1_000;
    assert.equal(await access.verify(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)), 'wrong', `letter ${at} changed`);
    assert.equal(await access.verify(token.slice(0, at) + token.slice(at + 1)), 'wrong', `letter ${at} left out`);
  }
  for (const more of ['=', ' ', '.', 'A', '\n', '~']) assert.equal(await access.verify(token + more), 'wrong');
});

test('a node takes tokens with a MAC and without one, whether it writes them or not', async () => {
  const writes = await issuer();
  const keeps = await issuer({ stores: writes.stores, clock: writes.clock, writesMac: () => false });
  for (const from of [writes, keeps]) {
    const { token } = await from.access.sign(ann, phone, 7);
    assert.deepEqual(writes.access.verify(token), keeps.access.verify(token));
    assert.equal(typeof writes.access.verify(token), 'object');
  }
});

test('a MAC is good for the very text that it was made for, under the key that the text names, and nothing makes up for a wrong one', async () => {
  const from = await issuer();
  const [jwt, mac] = (await from.access.sign(ann, phone, 7)).token.split('~') as [string, string];
  const [otherJwt, otherMac] = (await from.access.sign(ann, phone, 7)).token.split('~') as [string, string];
  const foreign = (await (await issuer()).access.sign(ann, phone, 7)).token.split('~')[1];
  for (const wrong of [
    otherMac,
    foreign,
    'A'.repeat(43),
    '',
    `${mac}~`,
    `${mac}~${mac}`,
    `~${mac}`,
    `${mac}=`,
    mac.slice(1),
    mac.replaceAll('-', '+').replaceAll('_', '/').concat(' '),
  ]) {
    assert.equal(await from.access.verify(`${jwt}~${wrong}`), 'wrong', `${wrong}: its signature is right`);
  }
  const [header, claims, signature] = jwt.split('.');
  const [, otherClaims, otherSignature] = otherJwt.split('.');
  for (const text of [`${header}.${otherClaims}.${signature}`, `${header}.${claims}.${otherSignature}`, `${header}.${claims}.`, `${header}.${claims}`, `${header}.`]) {
    assert.equal(await from.access.verify(`${text}~${mac}`), 'wrong', text);
  }
  from.clock.nowMs += tokenLimits.keyMs;
  const [followed = ''] = (await from.access.sign(ann, phone, 7)).token.split('.');
  assert.equal(await from.access.verify(`${followed}.${claims}.${signature}~${mac}`), 'wrong', 'another key');
});

test('what is no token is wrong, however odd', async () => {
  const { access } = await issuer();
  const { token } = await access.sign(ann, phone, 7);
  const header = token.slice(0, token.indexOf('.'));
  for (const odd of ['', '.', '..', '...', 'x', `${header}`, `${header}.`, `${header}..`, `${header}.e30.`, '\u0000', 'é'.repeat(100), 'a'.repeat(100_000)]) {
    assert.equal(await access.verify(odd), 'wrong', odd.slice(0, 80));
  }
});

test('a right signature does not make up for wrong claims', async () => {
  const from = await issuer();
  assert.equal(typeof (await from.access.verify(await signed(from, {}))), 'object', 'the unchanged one is good');
  const wrong = [
    { iss: 'other' },
    { iss: undefined },
    { sub: 'ann' },
    { sub: phone },
    { dev: undefined },
    { dev: ann },
    { exp: undefined },
    { exp: '9999999999' },
    { exp: 1e300 },
    { iat: undefined },
    { log: 'x' },
  ];
  for (const changes of wrong) assert.equal(await from.access.verify(await signed(from, changes as Record<string, unknown>)), 'wrong', JSON.stringify(changes));
});

test('a header that is not one of ours is wrong, even with a right signature', async () => {
  const from = await issuer();
  for (const header of [{ typ: 'JWT' }, { kid: 'other' }, { alg: 'Ed25519' }, { crit: ['exp'], exp: 1 }]) {
    const token = await signed(from, {}, header).catch(() => undefined);
    if (token !== undefined) assert.equal(await from.access.verify(token), 'wrong', JSON.stringify(header));
  }
  const [, claims] = (await signed(from, {})).split('.');
  for (const alg of ['none', 'HS256']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: (await newestKey(from)).keyId })).toString('base64url');
    assert.equal(await from.access.verify(`${header}.${claims}.`), 'wrong', alg);
  }
});

test("a token signed with somebody else's key under our key's name is wrong", async () => {
  const from = await issuer();
  const { keyId } = await newestKey(from);
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const iat = Math.floor(from.clock.nowMs / 1_000);
  const token = await new SignJWT({ iss: 'test', sub: ann, dev: phone, iat, exp: iat + 600 }).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: keyId }).sign(privateKey);
  assert.equal((await exportJWK(privateKey)).crv, 'Ed25519');
  assert.equal(await from.access.verify(token), 'wrong');
});

test('the first start makes one key, and later starts use it', async () => {
  const first = await issuer();
  const { token } = await first.access.sign(ann, phone, 7);
  const second = await issuer({ stores: first.stores, clock: first.clock });
  assert.equal(typeof second.access.verify(token), 'object');
  assert.equal((await first.stores.tokens.keys()).length, 1);
});

test('a key is followed by a newer one in time; tokens of both are good while they overlap, those of the older no longer than that', async () => {
  const { access, clock, stores } = await issuer();
  clock.nowMs += tokenLimits.keyMs - 1;
  const old = await access.sign(ann, phone, 7);
  clock.nowMs += tokenLimits.keysReloadMs;
  const fresh = await access.sign(ann, phone, 7);
  assert.notEqual(old.token.split('.')[0], fresh.token.split('.')[0]);
  assert.equal((await stores.tokens.keys()).length, 2);
  assert.equal(typeof access.verify(fresh.token), 'object');
  assert.equal(access.verify(old.token), 'expired', 'its key still verifies: only its time is over');
  clock.nowMs += tokenLimits.keyOverlapMs;
  assert.equal(await access.verify(old.token), 'wrong', 'its key is no longer good for anything');
});

test('a key that another node has made is found when the first token under it arrives', async () => {
  const here = await issuer();
  here.clock.nowMs += tokenLimits.keyMs;
  const there = await issuer({ stores: here.stores, clock: here.clock });
  const { token } = await there.access.sign(ann, phone, 7);
  assert.equal(typeof (await here.access.verify(token)), 'object');
});

test('tokens under unknown keys do not make the keys be read more than once a second', async () => {
  let reads = 0;
  const beforeRead = (operation: string) => {
    if (operation === 'tokens.keys') reads += 1;
    return 'ok' as const;
  };
  const counting = memoryStores({ faults: { beforeRead } });
  const { access, clock } = await issuer({ stores: counting });
  clock.nowMs += tokenLimits.keysReloadMinMs;
  const before = reads;
  await Promise.all(Array.from({ length: 100 }, (_, at) => access.verify(`unknown${at}.e30.x`)));
  for (let at = 0; at < 100; at += 1) await access.verify(`unknown${at}.e30.x`);
  assert.equal(reads - before, 1);
});

test('the keys for the next refresh tokens are secret, and another for each signing key', async () => {
  const { access, clock } = await issuer();
  const [first] = await access.successorKeys();
  clock.nowMs += tokenLimits.keyMs;
  const after = await access.successorKeys();
  assert.equal(after.length, 2);
  assert.deepEqual(after[1], first);
  assert.notDeepEqual(after[0], first);
  assert.equal(first?.length, 32);
});

test('a token of a node whose clock is ahead is taken as far ahead as a token lives; farther, a fresh one is wanted', async () => {
  const here = await issuer();
  const ahead = { nowMs: here.clock.nowMs + tokenLimits.aheadMs };
  const there = await issuer({ stores: here.stores, clock: ahead });
  const { token } = await there.access.sign(ann, phone, 7);
  assert.equal(typeof here.access.verify(token), 'object');
  ahead.nowMs += 1_000;
  const farther = await there.access.sign(ann, phone, 7);
  assert.equal(here.access.verify(farther.token), 'expired', 'not wrong: the log-in is good');
  here.clock.nowMs += 1_000;
  assert.equal(typeof here.access.verify(farther.token), 'object');
});

test('a clock that jumps, by minutes or by years, and back, leaves the tokens good that it finds on its return', async () => {
  const { access, clock } = await issuer();
  const rightMs = clock.nowMs;
  const { token } = await access.sign(ann, phone, 7);
  for (const jumpMs of [5 * 60_000, -5 * 60_000, 3_600_000, -3_600_000, 20 * 365 * 86_400_000, -20 * 365 * 86_400_000]) {
    clock.nowMs = rightMs + jumpMs;
    if (Math.abs(jumpMs) > tokenLimits.accessMs + tokenLimits.leewayMs) assert.equal(access.verify(token), 'expired', `${jumpMs} ms`);
    else assert.equal(typeof access.verify(token), 'object', `${jumpMs} ms`);
    const between = await access.sign(ann, phone, 7);
    assert.equal(typeof access.verify(between.token), 'object', 'its own are good to it');
    clock.nowMs = rightMs;
    assert.equal(typeof access.verify(token), 'object', `back from ${jumpMs} ms`);
    assert.notEqual(access.verify(between.token), 'wrong', 'good, or to be renewed');
  }
});

test('a key of another node is looked for although the clock has fallen since keys were read last', async () => {
  const clock = { nowMs: 1_800_000_000_000 };
  let risingMs = 1_800_000_000_000;
  const stores = memoryStores();
  const here = await joseAccessTokens({ store: stores.tokens, issuer: 'test', nowMs: () => clock.nowMs, risingMs: () => risingMs, randomBytes });
  clock.nowMs += tokenLimits.keyMs;
  const there = await issuer({ stores, clock });
  const { token } = await there.access.sign(ann, phone, 7);
  clock.nowMs -= 60_000;
  risingMs += tokenLimits.keysReloadMinMs;
  assert.equal(typeof (await here.verify(token)), 'object');
});
