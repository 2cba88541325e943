// The HTTP API from outside: what it is for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocolVersion, subprotocol } from '../../../src/protocol/version.ts';
import { newcomer, password, serve } from './served.ts';

test('who registers gets tokens, with which the server knows the device', async (t) => {
  const { ask } = await serve(t);
  const { status, headers, body } = await ask('POST', '/v1/users', { body: { handle: 'Ann', password, name: 'Ann Example', deviceName: 'phone' } });
  assert.equal(status, 201);
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.deepEqual(Object.keys(body).sort(), ['accessExpiresAtMs', 'accessToken', 'deviceId', 'refreshExpiresAtMs', 'refreshToken', 'serverTimeMs', 'userId']);
  const found = await ask('GET', '/v1/users?handle=ANN', { token: body.accessToken });
  assert.deepEqual(found.body, { users: [{ userId: body.userId, handle: 'ann', name: 'Ann Example' }] });
});

test('a log-in, a refresh and a log-out of one device', async (t) => {
  const served = await serve(t);
  const { ask, world } = served;
  await newcomer(served, 'ann');
  const loggedIn = await ask('POST', '/v1/sessions', { body: { handle: 'ann', password, deviceName: 'laptop' } });
  assert.equal(loggedIn.status, 200);
  const refreshed = await ask('POST', '/v1/sessions/refresh', { body: { refreshToken: loggedIn.body.refreshToken } });
  assert.equal(refreshed.status, 200);
  assert.equal(refreshed.body.deviceId, loggedIn.body.deviceId);
  const loggedOut = await ask('DELETE', '/v1/sessions', { token: refreshed.body.accessToken });
  assert.deepEqual([loggedOut.status, loggedOut.body], [204, '']);
  assert.deepEqual(world.revoked, [[loggedIn.body.userId, loggedIn.body.deviceId]]);
  assert.equal((await ask('GET', '/v1/devices', { token: refreshed.body.accessToken })).body.code, 'loggedOut');
  const again = await ask('POST', '/v1/sessions', { body: { handle: 'ann', password, deviceName: 'laptop', deviceId: loggedIn.body.deviceId } });
  assert.equal(again.body.deviceId, loggedIn.body.deviceId, 'the device keeps its id');
});

test('a user sees the devices that are logged in, and logs another one out', async (t) => {
  const served = await serve(t);
  const { ask, world } = served;
  const phone = await newcomer(served, 'ann');
  world.nowMs += 1_000;
  const laptop = (await ask('POST', '/v1/sessions', { body: { handle: 'ann', password, deviceName: 'laptop' } })).body;
  const listed = await ask('GET', '/v1/devices', { token: phone.accessToken });
  assert.deepEqual(listed.body, {
    devices: [
      { deviceId: laptop.deviceId, name: 'laptop', createdAtMs: world.nowMs, current: false },
      { deviceId: phone.deviceId, name: 'phone', createdAtMs: world.nowMs - 1_000, current: true },
    ],
  });
  assert.equal((await ask('DELETE', `/v1/devices/${laptop.deviceId}`, { token: phone.accessToken })).status, 204);
  assert.deepEqual(world.revoked, [[laptop.userId, laptop.deviceId]]);
  const refused = await ask('GET', '/v1/devices', { token: laptop.accessToken });
  assert.deepEqual([refused.status, refused.body.code], [401, 'loggedOut'], 'though the token has not expired');
  assert.equal((await ask('POST', '/v1/sessions/refresh', { body: { refreshToken: laptop.refreshToken } })).body.code, 'loggedOut');
  assert.equal((await ask('GET', '/v1/devices', { token: phone.accessToken })).body.devices.length, 1);
});

test('users are found by ids, those that do not exist are left out', async (t) => {
  const served = await serve(t);
  const [ann, bob] = [await newcomer(served, 'ann'), await newcomer(served, 'bob')];
  const found = await served.ask('GET', `/v1/users?id=${bob.userId}&id=u${'x'.repeat(20)}&id=${ann.userId}`, { token: ann.accessToken });
  assert.deepEqual(
    found.body.users.map(({ handle }: { handle: string }) => handle),
    ['bob', 'ann'],
  );
  assert.deepEqual((await served.ask('GET', '/v1/users?handle=nobody', { token: ann.accessToken })).body, { users: [] });
  assert.equal((await served.ask('GET', `/v1/users?id=${ann.userId}`, { token: ann.accessToken })).body.users.length, 1, 'one id is a list too');
});

test('the server says where its sockets are and what they speak', async (t) => {
  const { ask, port } = await serve(t, { registration: 'closed' });
  assert.deepEqual((await ask('GET', '/v1/server')).body, { socketUrl: `ws://127.0.0.1:${port}/`, protocolVersion, subprotocol, registration: 'closed' });
});

test('each answer is counted with its operation and its status', async (t) => {
  const served = await serve(t);
  await newcomer(served);
  await served.ask('GET', '/v1/devices');
  await served.ask('GET', '/nowhere');
  assert.deepEqual(served.answered, [
    ['register', 201],
    ['listDevices', 401],
    ['none', 404],
  ]);
});

test('HEAD is answered like GET, without a body', async (t) => {
  const { ask } = await serve(t);
  const { status, body, headers } = await ask('HEAD', '/v1/server');
  assert.equal(status, 200);
  assert.ok(Number(headers.get('content-length')) > 0);
  assert.equal(body, '');
});
