// A million frames that are nearly right, beside a pair that goes on undisturbed: no crash, and each socket is answered or closed with a code.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { usageOf } from '../../bench/targets/usage.ts';
import { Parley } from '../../scripts/services/parley.ts';
import { encodeFrame } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { closes, refusals } from '../../src/protocol/errors.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import { type Account, request, seeded as seededAccounts } from '../e2e/accounts.ts';
import { Device, helloOf } from '../e2e/device.ts';
import { Fuzzer, type Persona, stranger, type Tally } from './fuzzer.ts';
import { FrameSource, mutated, type Names } from './mutations.ts';
import { Pair } from './pair.ts';
import { atLeast, Seeded, seedOfRun } from './seeded.ts';

const frames = atLeast('TEST_FUZZ_FRAMES', 1_000_000);
const strangersEvery = 500;
/** At one time; each goes through its share of the accounts, a new one with every connection. */
const fuzzerCount = 8;
const accountCount = 48;
const pairPerSecond = 50;
const tellEveryMs = 10_000;
const pairP99MsMax = 1_000;

/** What a nearly valid frame may bring about. A close for our own fault, a crash or a silent end is none of it. */
const fairCloses = new Set<number>(
  [closes.malformed, closes.unauthenticated, closes.tokenExpired, closes.versionUnknown, closes.frameTooBig, closes.replaced].map(({ code }) => code),
);
const fairRefusals = new Set<string>(
  Object.entries(refusals).flatMap(([why, { code }]) =>
    why === 'internal' || why === 'quarantined' || why === 'unavailable' || why === 'storeFull' ? [] : [`refused ${code} ${why}`],
  ),
);

test(`${frames} fuzzed frames: no crash, every socket answered or closed with a code, and a pair beside them undisturbed`, async (t) => {
  const seeded = new Seeded(seedOfRun());
  t.diagnostic(`seed ${seeded.seed} (TEST_SEED=${seeded.seed} repeats its draws)`);
  const data = await mkdtemp(join(tmpdir(), 'parley-fuzz-'));
  const accounts = (await seededAccounts(data, accountCount + 3)).map(([account]) => account as Account);
  const [one, other, unknown, ...fuzzing] = accounts as [Account, Account, Account, ...Account[]];
  const parley = await Parley.start({ data });
  const tally: Tally = { left: frames, authenticated: 0, strangers: 0, malformed: 0, closes: new Map(), answers: new Map() };
  let toldOf = frames;
  const telling = setInterval(() => {
    if (tally.left < toldOf) console.log(`${tally.left} frames left`);
    toldOf = tally.left;
  }, tellEveryMs);
  t.after(async () => {
    clearInterval(telling);
    tally.left = 0;
    await parley.stop();
    await rm(data, { recursive: true, force: true });
  });
  const { pid } = parley;
  const personas = (await namesOf(parley, fuzzing)).map(
    (names, at): Persona => ({ account: fuzzing[at] as Account, source: new FrameSource(new Seeded(seeded.seed + 1 + at), names) }),
  );
  const pair = await Pair.connect(parley.socketUrl, [one, other]);
  pair.start(pairPerSecond);

  const endpoint = { host: '127.0.0.1', port: parley.socketPort, path: '/' };
  const startedMs = performance.now();
  await Promise.all([
    ...Array.from({ length: fuzzerCount }, (_, nth) =>
      new Fuzzer(
        endpoint,
        personas.filter((_persona, at) => at % fuzzerCount === nth),
        tally,
      ).run(),
    ),
    strangers(endpoint, unknown, (personas[0] as Persona).source, tally),
  ]);
  const tookMs = performance.now() - startedMs;

  const quantiles = pair.quantiles();
  t.diagnostic(
    `${tally.authenticated} mutations of valid frames on authenticated sockets and ${tally.strangers} first frames of strangers in ${(tookMs / 1_000).toFixed(1)} s (${usageOf(pid).cpuSeconds} s of processor time in the server); ${tally.malformed} closed their socket`,
  );
  t.diagnostic(`closes ${JSON.stringify(Object.fromEntries(tally.closes))}; answers ${JSON.stringify(Object.fromEntries([...tally.answers].sort()))}`);
  t.diagnostic(`the pair beside it: ${JSON.stringify(quantiles)}`);
  await pair.stop();
  assert(parley.isRunning && parley.pid === pid);
  assert.equal((await request('GET', `${parley.opsUrl}/healthz`)).status, 200);
  assert.deepEqual(parley.logged('error'), [], 'the server says that something failed');
  assert(tally.authenticated + tally.strangers >= frames && tally.authenticated >= frames / 2);
  assert.deepEqual(
    [...tally.closes.keys()].filter((code) => !fairCloses.has(Number(code))),
    [],
  );
  assert.deepEqual(
    [...tally.answers.keys()].filter((name) => name.startsWith('refused') && !fairRefusals.has(name)),
    [],
  );
  assert(quantiles.p99Ms <= pairP99MsMax, 'the pair was disturbed');
  // And the fuzzed chats are whole: the store reads them from end to end.
  const read = new Set<ChatId>();
  for (const { account, source } of personas) {
    const reader = await Device.connect(parley.socketUrl, account);
    const { rows } = await reader.askFor('moved', { kind: 'resume', request: 1, incarnation: source.names.incarnation, cursors: [], last: true });
    for (const { chatId, head } of rows) {
      if (read.has(chatId)) continue;
      read.add(chatId);
      assert.equal((await reader.pullAll(chatId)).at(-1)?.seq ?? 0, head);
    }
    await reader.close();
  }
  assert(read.size > accountCount);
});

/** For each of them its chats: a direct one with each of the others, which the first message makes, and groups that all are in. */
async function namesOf(parley: Parley, fuzzing: readonly Account[]): Promise<readonly Names[]> {
  const userIds = fuzzing.map(({ userId }) => userId);
  const groups: ChatId[] = [];
  let incarnation = '';
  for (const size of [5, 12, 24, userIds.length]) {
    const device = await Device.connect(parley.socketUrl, fuzzing[0] as Account);
    incarnation = device.welcome.incarnation;
    groups.push(await device.group('group', userIds.slice(0, size)));
    await device.close();
  }
  return userIds.map((userId) => {
    const peers = userIds.filter((other) => other !== userId);
    const own = [...peers.map((peer) => ({ chatId: directChatId(userId, peer), peer })), ...groups.map((chatId) => ({ chatId, peer: null }))];
    const others = peers.slice(1).map((other) => directChatId(other, peers[0] as UserId));
    return { userIds, own, others: [...others, `g${'n'.repeat(20)}` as ChatId, `p${'n'.repeat(20)}` as ChatId], incarnation };
  });
}

/** Sockets that say something else than a good hello, one after the other, as long as the others fuzz. */
async function strangers(endpoint: Parameters<typeof stranger>[0], account: Account, source: FrameSource, tally: Tally): Promise<void> {
  const nearly = helloOf({ ...account, accessToken: `${account.accessToken.slice(0, -2)}xx` });
  while (tally.left > 0) {
    await stranger(endpoint, source.seeded.below(2) === 0 ? mutated(source, nearly) : encodeFrame(source.next()), tally);
    tally.left -= 1;
    const next = Math.max(0, tally.left - strangersEvery);
    while (tally.left > next) await delay(5);
  }
}
