// The HTTP API and bad input: each has its status and its code, nothing of what came is repeated, and the server goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rateRules } from '../../../src/services/rate-limits.ts';
import { tokenLimits } from '../../../src/services/tokens.ts';
import { httpErrors } from '../../../src/transport/http/errors.ts';
import { type Answered, newcomer, password, serve } from './served.ts';

const account = { handle: 'ann', password, deviceName: 'phone' };
const refused = ({ status, body }: Answered): [number, string] => [status, body.code];

test('a wrong password and an unknown handle are refused alike', async (t) => {
  const served = await serve(t);
  await newcomer(served, 'ann');
  const wrong = await served.ask('POST', '/v1/sessions', { body: { ...account, password: 'wrong horse' } });
  const unknown = await served.ask('POST', '/v1/sessions', { body: { ...account, handle: 'nobody' } });
  assert.deepEqual(refused(wrong), [401, 'wrongPassword']);
  assert.deepEqual(unknown.body, wrong.body);
});

test('a handle that is taken, in whatever case, is refused', async (t) => {
  const { ask } = await serve(t);
  await ask('POST', '/v1/users', { body: account });
  assert.deepEqual(refused(await ask('POST', '/v1/users', { body: { ...account, handle: 'ANN' } })), [409, 'handleTaken']);
});

test('a closed server refuses registrations', async (t) => {
  const { ask } = await serve(t, { registration: 'closed' });
  assert.deepEqual(refused(await ask('POST', '/v1/users', { body: account })), [403, 'registrationClosed']);
});

test('a missing, wrong or expired access token is refused, each with its code', async (t) => {
  const served = await serve(t);
  const { accessToken, accessExpiresAtMs } = await newcomer(served);
  for (const [method, path] of [
    ['GET', '/v1/devices'],
    ['DELETE', '/v1/sessions'],
    ['GET', '/v1/users?handle=ann'],
    ['DELETE', `/v1/devices/d${'x'.repeat(20)}`],
  ] as const) {
    assert.deepEqual(refused(await served.ask(method, path)), [401, 'tokenWrong'], path);
    assert.deepEqual(refused(await served.ask(method, path, { token: `${accessToken}x` })), [401, 'tokenWrong'], path);
    assert.deepEqual(refused(await served.ask(method, path, { headers: { authorization: `Basic ${accessToken}` } })), [401, 'tokenWrong'], path);
  }
  served.world.nowMs = accessExpiresAtMs + tokenLimits.leewayMs;
  const expired = await served.ask('GET', '/v1/devices', { token: accessToken });
  assert.deepEqual(refused(expired), [401, 'tokenExpired']);
  assert.equal(expired.headers.get('www-authenticate'), 'Bearer');
});

test('a refresh token that is used again is refused, and its device is out', async (t) => {
  const served = await serve(t);
  const { refreshToken } = await newcomer(served);
  const { body: next } = await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken } });
  served.world.nowMs += tokenLimits.refreshGraceMs + 1;
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken } })), [401, 'tokenReused']);
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken: next.refreshToken } })), [401, 'loggedOut']);
  assert.deepEqual(refused(await served.ask('GET', '/v1/devices', { token: next.accessToken })), [401, 'loggedOut']);
  assert.deepEqual(served.world.revoked, [[next.userId, next.deviceId]]);
});

test('a refresh token that is none, or has expired, is refused', async (t) => {
  const served = await serve(t);
  const { refreshToken, refreshExpiresAtMs } = await newcomer(served);
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken: 'nonsense' } })), [401, 'tokenWrong']);
  served.world.nowMs = refreshExpiresAtMs;
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken } })), [401, 'tokenExpired']);
});

test("a device that is not the user's is not found", async (t) => {
  const served = await serve(t);
  const [ann, bob] = [await newcomer(served), await newcomer(served)];
  assert.deepEqual(refused(await served.ask('DELETE', `/v1/devices/${ann.deviceId}`, { token: bob.accessToken })), [404, 'noSuchDevice']);
  assert.equal((await served.ask('GET', '/v1/devices', { token: ann.accessToken })).status, 200);
});

test('what is not the JSON that the route takes is malformed, and the answer says where', async (t) => {
  const { ask } = await serve(t);
  const bad: [unknown, RegExp][] = [
    ['{"handle":', /not JSON/],
    ['', /not JSON/],
    ['null', /body/],
    ['[]', /body/],
    [{}, /body\.handle/],
    [{ ...account, handle: 'an' }, /body\.handle/],
    [{ ...account, handle: 'a'.repeat(33) }, /body\.handle/],
    [{ ...account, handle: 'ann smith' }, /body\.handle/],
    [{ ...account, handle: 'änn' }, /body\.handle/],
    [{ ...account, handle: 7 }, /body\.handle/],
    [{ ...account, password: 'short12' }, /body\.password/],
    [{ ...account, password: 'x'.repeat(257) }, /body\.password/],
    [{ ...account, name: '' }, /body\.name/],
    [{ ...account, name: 'x'.repeat(65) }, /body\.name/],
    [{ ...account, name: 'bell \u0007' }, /body\.name/],
    [{ ...account, deviceName: ' ' }, /body\.deviceName/],
  ];
  for (const [body, says] of bad) {
    const answer = await ask('POST', '/v1/users', { body });
    assert.deepEqual(refused(answer), [400, 'malformed'], JSON.stringify(body));
    assert.match(answer.body.says, says);
  }
  assert.deepEqual(refused(await ask('POST', '/v1/sessions', { body: { ...account, deviceId: 'mine' } })), [400, 'malformed']);
});

test('bytes that are not UTF-8 are malformed', async (t) => {
  const { port } = await serve(t);
  const response = await fetch(`http://127.0.0.1:${port}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
  });
  assert.equal(response.status, 400);
});

test('a query that asks nothing, too much or in the wrong form is malformed', async (t) => {
  const served = await serve(t);
  const { accessToken: token, userId } = await newcomer(served);
  const many = Array.from({ length: 101 }, () => `id=${userId}`).join('&');
  for (const query of ['', '?', '?handle=ann&id=x', `?handle=ann&id=${userId}`, '?handle=ann&handle=bob', '?id=ann', '?handle=a b', `?${many}`]) {
    assert.deepEqual(refused(await served.ask('GET', `/v1/users${query}`, { token })), [400, 'malformed'], query.slice(0, 40));
  }
  assert.deepEqual(refused(await served.ask('DELETE', '/v1/devices/..%2f', { token })), [400, 'malformed']);
});

test('a body over 16 KB is too big, and the connection can be used again', async (t) => {
  const { ask } = await serve(t);
  assert.deepEqual(refused(await ask('POST', '/v1/users', { body: { ...account, name: 'x'.repeat(16 * 1_024) } })), [413, 'tooBig']);
  assert.equal((await ask('POST', '/v1/users', { body: { ...account, more: 'x'.repeat(15 * 1_024) } })).status, 201, 'just below is not, and unknown fields are passed over');
});

test('a body that does not say it is JSON is refused', async (t) => {
  const { ask } = await serve(t);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    assert.deepEqual(refused(await ask('POST', '/v1/users', { body: account, headers: { 'content-type': type } })), [415, 'notJson'], type);
  }
  assert.equal((await ask('POST', '/v1/users', { body: account, headers: { 'content-type': 'Application/JSON; charset=utf-8' } })).status, 201);
});

test('unknown paths and methods are told apart', async (t) => {
  const { ask } = await serve(t);
  for (const path of ['/', '/v1', '/v1/users/', '/v1/devices/a/b', '//v1/users', '/__proto__', '/%']) assert.deepEqual(refused(await ask('GET', path)), [404, 'noSuchRoute'], path);
  const wrongMethod = await ask('PUT', '/v1/users', { body: account });
  assert.deepEqual(refused(wrongMethod), [405, 'methodNotAllowed']);
  assert.equal(wrongMethod.headers.get('allow'), 'POST, GET, OPTIONS');
});

test('too many log-ins that fail are refused with a time to wait, in the body and as a header', async (t) => {
  const served = await serve(t, { rules: rateRules });
  await newcomer(served, 'ann');
  const guess = () => served.ask('POST', '/v1/sessions', { body: { ...account, password: 'wrong horse' } });
  for (let at = 0; at < rateRules.logInByAddressAndHandle.points; at += 1) assert.equal((await guess()).status, 401);
  const limited = await guess();
  assert.deepEqual(refused(limited), [429, 'rateLimited']);
  assert.ok(limited.body.retryAfterMs > 0 && limited.body.retryAfterMs <= rateRules.logInByAddressAndHandle.perMs);
  assert.equal(limited.headers.get('retry-after'), String(Math.ceil(limited.body.retryAfterMs / 1_000)));
});

test('registrations, requests and refreshes of one address, and what one user reads and changes, are limited', async (t) => {
  const tight = Object.fromEntries(
    Object.entries(rateRules).map(([name, rule]) => [name, { ...rule, points: name === 'requestByAddress' ? 10 : 1 }]),
  ) as unknown as typeof rateRules;
  const served = await serve(t, { rules: tight });
  const { accessToken: token, refreshToken, deviceId } = await newcomer(served);
  const twice: [string, string, object][] = [
    ['POST', '/v1/sessions/refresh', { body: { refreshToken } }],
    ['GET', '/v1/devices', { token }],
    ['DELETE', `/v1/devices/${another(deviceId)}`, { token }],
  ];
  for (const [method, path, more] of twice) {
    assert.notEqual((await served.ask(method, path, more)).status, 429, path);
    assert.deepEqual(refused(await served.ask(method, path, more)), [429, 'rateLimited'], path);
  }
  assert.deepEqual(refused(await served.ask('POST', '/v1/users', { body: { ...account, handle: 'bob' } })), [429, 'rateLimited']);
  for (let at = 0; at < 2; at += 1) assert.equal((await served.ask('GET', '/v1/server')).status, 200);
  assert.deepEqual(refused(await served.ask('GET', '/v1/server')), [429, 'rateLimited']);
});

/** One that nobody has. */
const another = (deviceId: string): string => deviceId.slice(0, -1) + (deviceId.endsWith('A') ? 'B' : 'A');

test('behind a proxy of ours the address is the one that it adds; otherwise what the header says counts for nothing', async (t) => {
  const rules = { ...rateRules, registerByAddress: { ...rateRules.registerByAddress, points: 1 } };
  const register = (served: Awaited<ReturnType<typeof serve>>, handle: string, forwarded: string) =>
    served.ask('POST', '/v1/users', { body: { ...account, handle }, headers: { 'x-forwarded-for': forwarded } });
  const behind = await serve(t, { rules, behindProxy: true });
  assert.equal((await register(behind, 'ann', '192.0.2.1')).status, 201);
  assert.equal((await register(behind, 'bob', '192.0.2.1, 192.0.2.2')).status, 201);
  assert.equal((await register(behind, 'cid', '192.0.2.3, 192.0.2.2')).status, 429);
  const direct = await serve(t, { rules });
  assert.equal((await register(direct, 'ann', '192.0.2.1')).status, 201);
  assert.equal((await register(direct, 'bob', '192.0.2.2')).status, 429);
});

test('more passwords at once than may wait are answered busy, with a time to wait', async (t) => {
  const served = await serve(t);
  const answers = await Promise.all(Array.from({ length: 80 }, (_, at) => served.ask('POST', '/v1/sessions', { body: { ...account, handle: `user${at}` } })));
  const busy = answers.filter(({ status }) => status === 503);
  assert.ok(busy.length > 0, 'somebody is turned away');
  assert.ok(busy.every(({ body }) => body.code === 'busy' && body.retryAfterMs > 0));
  assert.ok(answers.every(({ status }) => status === 503 || status === 401));
});

test('pages of other origins are refused, those of the list may ask, and programs that are no browser too', async (t) => {
  const served = await serve(t, { origins: ['https://chat.example'] });
  const preflight = (origin: string) =>
    served.ask('OPTIONS', '/v1/sessions', { headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
  assert.deepEqual(refused(await preflight('https://evil.example')), [403, 'originForbidden']);
  const allowed = await preflight('https://chat.example');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://chat.example');
  assert.match(allowed.headers.get('access-control-allow-methods') ?? '', /DELETE/);
  const evil = await served.ask('POST', '/v1/users', { body: account, headers: { origin: 'https://evil.example' } });
  assert.deepEqual(refused(evil), [403, 'originForbidden']);
  assert.equal(evil.headers.get('access-control-allow-origin'), null);
  const wrong = await served.ask('POST', '/v1/sessions', { body: account, headers: { origin: 'https://chat.example' } });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.headers.get('access-control-allow-origin'), 'https://chat.example', 'the page may read the refusal');
  assert.equal((await served.ask('GET', '/v1/server')).headers.get('access-control-allow-origin'), null);
});

test('with * any page may ask', async (t) => {
  const { ask } = await serve(t, { origins: '*' });
  assert.equal((await ask('GET', '/v1/server', { headers: { origin: 'https://any.example' } })).headers.get('access-control-allow-origin'), '*');
});

test('faults of the store and of ourselves are answered with a code and logged, without secrets', async (t) => {
  let fault: 'ok' | 'full' | 'unavailable' = 'ok';
  const served = await serve(t, { faults: { beforeWrite: () => fault } });
  const { refreshToken } = await newcomer(served, 'ann');
  fault = 'full';
  const full = await served.ask('POST', '/v1/users', { body: { ...account, handle: 'bob' } });
  assert.deepEqual(refused(full), [507, 'storeFull']);
  assert.ok(full.body.retryAfterMs > 0);
  fault = 'unavailable';
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions/refresh', { body: { refreshToken } })), [503, 'unavailable']);
  fault = 'ok';
  served.world.stores.disk.families.set = () => {
    throw new TypeError('a bug');
  };
  assert.deepEqual(refused(await served.ask('POST', '/v1/sessions', { body: account })), [500, 'internal']);
  assert.equal(served.logged.length, 3);
  assert.match(served.logged[2] ?? '', /a bug/);
  for (const line of served.logged) for (const secret of [password, refreshToken]) assert.ok(!line.includes(secret), line);
});

test('no refusal repeats what came', async (t) => {
  const { ask } = await serve(t);
  const secret = 'hunter2'; // too short, so that the password itself is what is refused
  for (const body of [{ ...account, password: secret }, { ...account, deviceName: { secret } }, `{"password": ${secret}`]) {
    const answer = await ask('POST', '/v1/users', { body });
    assert.equal(answer.status, 400);
    assert.ok(!JSON.stringify(answer.body).includes(secret), JSON.stringify(answer.body));
  }
});

test('every error has words of its own that end in a full stop', () => {
  const said = Object.values(httpErrors).map(({ says }) => says);
  assert.equal(new Set(said).size, said.length);
  for (const says of said) assert.match(says, /\.$/);
});
