// How a client keeps its connection: backoff with jitter, heartbeat, close codes, moving.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closes } from '../../src/protocol/errors.ts';
import { LoggedOut, NotConnected } from '../../src/sdk/faults.ts';
import { FakeClock } from '../sim/clock.ts';
import { annBob, entry, greet, group, heartbeatMs, push, type Rig, rigOf } from './rig.ts';

/** When the client dials, in ms after `fromMs`, up to `ms` later; each wire closes at once. */
async function dials(rig: Rig, ms: number): Promise<number[]> {
  const fromMs = rig.clock.nowMs();
  const times: number[] = [];
  for (let count = rig.peers.length; rig.clock.nowMs() - fromMs < ms; await rig.clock.advance(1)) {
    if (rig.peers.length === count) continue;
    count = rig.peers.length;
    times.push(rig.clock.nowMs() - fromMs);
    rig.peer().events.closed(1006, '');
  }
  return times;
}

const waits = (times: readonly number[]) => times.slice(1).map((at, index) => at - (times[index] as number));

test('an unreachable server is tried at growing distances, the longest of them bounded', async () => {
  const rig = await rigOf({ random: () => 0.999, policy: { reconnectMinMs: 100, reconnectMaxMs: 1_000 } });
  rig.client.start();
  const found = waits(await dials(rig, 6_000)).map((ms) => Math.round(ms / 100) * 100);
  assert.deepEqual(found.slice(0, 6), [100, 200, 400, 800, 1_000, 1_000]);
  assert.equal(rig.heard('disconnected')[0]?.why, 'unreachable');
});

test('the distance is any share of the bound, as chance will have it', async () => {
  const draws: number[] = [];
  const rig = await rigOf({ random: () => draws.shift() ?? 0, policy: { reconnectMinMs: 1_000, reconnectMaxMs: 8_000 } });
  draws.push(0.1, 0.9, 0.5);
  rig.client.start();
  const found = waits(await dials(rig, 4_200)).slice(0, 3);
  for (const [at, expected] of [100, 1_800, 2_000].entries()) assert.ok(Math.abs((found[at] as number) - expected) <= 2, `${found}`);
});

test('after a connection that stood a while the first attempt is early again; one that fell at once does not count', async () => {
  const rig = await rigOf({ random: () => 0.999, policy: { reconnectMinMs: 100, reconnectMaxMs: 10_000, steadyMs: 5_000 } });
  const delays = () => rig.heard('disconnected').map(({ retryInMs }) => Math.round(retryInMs));
  await rig.connect();
  for (const [standsMs, expected] of [
    [0, 100],
    [0, 200],
    [6_000, 100],
  ] as const) {
    await rig.clock.advance(standsMs);
    rig.peer().events.closed(1006, '');
    assert.equal(delays().at(-1), expected);
    await rig.clock.advance(expected);
    await greet(rig.peer(), rig.clock);
  }
});

test('start while it waits tries at once', async () => {
  const rig = await rigOf({ random: () => 0.9, policy: { reconnectMinMs: 60_000, reconnectMaxMs: 60_000 } });
  await rig.connect();
  rig.peer().events.closed(1006, '');
  rig.client.start();
  await rig.clock.settle();
  assert.equal(rig.peers.length, 2);
});

test('no welcome in time: the wire is closed and another one tried', async () => {
  const rig = await rigOf();
  rig.client.start();
  await rig.clock.settle();
  rig.peer().events.opened();
  await rig.clock.advance(10_000);
  assert.ok(rig.peer().closedByClient);
  await rig.clock.advance(1_000);
  assert.equal(rig.peers.length, 2);
  assert.equal(rig.heard('disconnected')[0]?.why, 'noWelcome');
});

test('a quiet connection is pinged in time, and stands as long as something comes back', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  let pings = 0;
  for (let at = 0; at < 300; at += 1) {
    await rig.clock.advance(1_000);
    for (const { request } of peer.take('ping')) {
      pings += 1;
      peer.say({ kind: 'pong', request, serverTimeMs: rig.clock.nowMs() });
    }
  }
  assert.ok(rig.client.isConnected);
  assert.ok(pings >= 300_000 / heartbeatMs && pings <= (300_000 / heartbeatMs) * 1.5, `${pings}`);
});

test('the device is never silent for longer than the heartbeat, even when it hears much', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  for (let at = 1; at <= 120; at += 1) {
    await rig.clock.advance(1_000);
    push(peer, entry(at));
  }
  const gaps = peer.sentAtMs.slice(1).map((atMs, index) => atMs - (peer.sentAtMs[index] as number));
  assert.ok(Math.max(...gaps) <= heartbeatMs, `${Math.max(...gaps)}`);
});

test('a connection without a byte for twice the heartbeat is dead', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  await rig.clock.advance(2 * heartbeatMs - 1);
  assert.ok(rig.client.isConnected);
  await rig.clock.advance(1);
  assert.ok(!rig.client.isConnected && peer.closedByClient);
  assert.equal(rig.heard('disconnected')[0]?.why, 'silent');
});

test('a machine that slept finds its connection dead at once', async () => {
  const rig = await rigOf();
  await rig.connect();
  rig.clock.leap(3_600_000);
  rig.clock.runTimers();
  assert.equal(rig.heard('disconnected')[0]?.why, 'silent');
});

test('each close code is acted upon as the protocol says', async () => {
  for (const [why, { code, action }] of Object.entries(closes)) {
    const rig = await rigOf();
    (await rig.connect()).events.closed(code, '');
    await rig.clock.advance(1_000);
    assert.equal(rig.peers.length, action === 'never' ? 1 : 2, why);
    assert.equal(rig.tokens.at(-1), action === 'afterLogin', why);
    if (action === 'never') assert.deepEqual(rig.heard('stopped'), [why]);
    else assert.equal(rig.heard('disconnected')[0]?.why, why);
  }
});

test('a device that was logged out says so and stays away', async () => {
  const rig = await rigOf();
  (await rig.connect()).events.closed(closes.loggedOut.code, '');
  assert.equal(rig.heard('loggedOut').length, 1);
  await rig.clock.advance(120_000);
  assert.equal(rig.peers.length, 1);
});

test('tokens: none to be had for now is tried again, none ever again stops', async () => {
  const answers = [() => Promise.reject(new Error('out of reach')), () => Promise.reject(new LoggedOut('gone'))];
  const rig = await rigOf({ accessToken: () => (answers.shift() as () => Promise<string>)() });
  rig.client.start();
  await rig.clock.advance(1_000);
  assert.equal(rig.heard('disconnected')[0]?.why, 'noToken');
  assert.deepEqual([rig.heard('stopped'), rig.heard('loggedOut').length, rig.peers.length], [['loggedOut'], 1, 0]);
});

test('a request refused `unauthenticated` makes the device get another token and come again with it', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  void rig.client.chat(group).send('a');
  await rig.clock.settle();
  peer.refuse(peer.one('send').number, 120);
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.tokens, [false, true]);
  await greet(rig.peer(), rig.clock);
  rig.peer().one('send');
});

test('move: the connection serves until the time has come, then the next one is dialled at once', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  peer.say({ kind: 'move', afterMs: 700, url: null });
  await rig.clock.advance(699);
  push(peer, entry(1));
  await rig.clock.settle();
  assert.equal(rig.heard('entry').length, 1);
  await rig.clock.advance(1);
  assert.ok(peer.closedByClient);
  assert.equal(rig.peers.length, 2);
  assert.deepEqual(rig.heard('disconnected'), [{ why: 'moved', retryInMs: 0 }]);
});

test('move instead of welcome: a server with too many hellos is left, and asked again when it says so', async () => {
  const rig = await rigOf();
  rig.client.start();
  await rig.clock.settle();
  rig.peer().say({ kind: 'move', afterMs: 3_000, url: null });
  await rig.clock.advance(2_999);
  assert.deepEqual([rig.peers.length, rig.peer().closedByClient], [1, false]);
  await rig.clock.advance(1);
  assert.deepEqual([rig.peers.length, rig.peers[0]?.closedByClient], [2, true]);
  await greet(rig.peer(), rig.clock);
  assert.equal(rig.heard('connected').length, 1);
});

test('move with an address: the next one is dialled there; if nobody answers, by turns at the address that was always known', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  assert.equal(peer.to, undefined);
  peer.say({ kind: 'move', afterMs: 10, url: 'javascript:no' });
  peer.say({ kind: 'move', afterMs: 10, url: 'ws://other:1' });
  await rig.clock.advance(10);
  const dialled = [rig.peer().to];
  const redialled = async (): Promise<string | undefined> => {
    const before = rig.peers.length;
    rig.peer().events.closed(1006, '');
    while (rig.peers.length === before) await rig.clock.advance(50);
    return rig.peer().to;
  };
  for (let failed = 0; failed < 3; failed += 1) dialled.push(await redialled());
  assert.deepEqual(dialled, ['ws://other:1', undefined, 'ws://other:1', undefined]);
  await greet(rig.peer(), rig.clock);
  assert.equal(await redialled(), undefined, 'where it was welcome it comes again');
});

test('what an older wire still brings is not heard', async () => {
  const rig = await rigOf();
  const peer = await rig.connect();
  peer.events.closed(1006, '');
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  push(peer, entry(1));
  peer.events.closed(1006, '');
  await rig.clock.settle();
  assert.deepEqual([rig.heard('entry'), rig.client.isConnected], [[], true]);
});

test('bytes that are no frame end the connection, not the client', async () => {
  const rig = await rigOf();
  (await rig.connect()).events.received(new Uint8Array([0xc1]));
  assert.ok(!rig.client.isConnected);
  await rig.clock.advance(1_000);
  await greet(rig.peer(), rig.clock);
  assert.ok(rig.client.isConnected);
});

test('a question waits for a connection, and says so when none comes', async () => {
  const rig = await rigOf({ policy: { askTimeoutMs: 5_000 } });
  const early = rig.client.chat(group).members();
  const peer = await rig.connect();
  const { request } = peer.one('getMembers');
  peer.say({ kind: 'members', request, chatId: group, seq: 0, receiptsVersion: 0, title: 'Tea', members: [] });
  assert.deepEqual((await early).members, []);
  peer.events.closed(1006, '');
  const late = assert.rejects(rig.client.chat(annBob).members(), NotConnected);
  for (let at = 0; at < 60; at += 1) {
    await rig.clock.advance(100);
    if (rig.peers.length > 1) rig.peer().events.closed(1006, '');
  }
  await late;
});

test('a client that is closed has no timer left', async () => {
  const clock = new FakeClock();
  const rig = await rigOf({ clock });
  const peer = await rig.connect();
  push(peer, entry(1), entry(5));
  void rig.client.chat(group).send('a');
  rig.client.chat(group).typing();
  await clock.settle();
  await rig.client.close();
  assert.equal(clock.pending, 0);
});
