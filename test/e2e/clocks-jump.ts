// The clock of a node jumps ahead and back while users log in, renew their tokens and talk: nobody is locked out, and nobody is taken for a thief.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { JumpingClock } from '../../scripts/services/faketime.ts';
import { closes } from '../../src/protocol/errors.ts';
import type { Tokens } from '../../src/sdk/accounts.ts';
import { tokenLimits } from '../../src/services/tokens.ts';
import { type ApiAnswer, registered, request } from './accounts.ts';
import { helloOf } from './device.ts';
import { RawClient } from './raw-client.ts';
import { pairOf, talk } from './talkers.ts';

const minuteMs = 60_000;
/** More than a token lives, and than may be forgiven. */
const farMs = tokenLimits.accessMs + 5 * minuteMs;
const nearMs = 5 * minuteMs;

export function clocksJump(cluster: () => Cluster): void {
  const right = (): ClusterNode => cluster().nodes[0] as ClusterNode;
  const wrong = (): ClusterNode => cluster().nodes[2] as ClusterNode;

  describe('the clock of a node jumps', () => {
    let clock: JumpingClock;
    before(async () => {
      clock = await JumpingClock.start();
      await wrong().restart({ environment: clock.environment });
      await cluster().whole();
    });
    afterEach(() => clock.jumpTo(0)); // also where one has failed
    after(async () => {
      await wrong().restart();
      await cluster().whole();
      await clock.stop();
    });

    for (const aheadMs of [farMs, -farMs]) {
      test(`by ${aheadMs / minuteMs} minutes: a device renews its token there or goes to another node, a lost answer is no theft, and all get in when it is right again`, async () => {
        const [ann, bob] = [await grown(right()), await grown(wrong())];
        await jump(clock, wrong(), aheadMs);
        const expired = { code: closes.tokenExpired.code };
        if (aheadMs > 0) for (const one of [ann, bob]) assert.partialDeepStrictEqual(await enters(wrong(), one), expired, 'a token of before the jump');
        const renewed = [await renew(wrong(), ann), await renew(wrong(), bob)] as const;
        for (const one of renewed) assert.equal(await enters(wrong(), one), 'welcome', 'what a node signs is good to itself');
        for (const one of renewed) assert.partialDeepStrictEqual(await enters(right(), one), expired, 'and too far from the clock of another: to be renewed there');
        const again = [await renew(right(), ann), await renew(right(), bob)] as const; // as if the answers of the wrong one had been lost
        for (const [at, { refreshToken }] of again.entries()) assert.equal(refreshToken, renewed[at]?.refreshToken);
        for (const one of again) assert.equal(await enters(right(), one), 'welcome');
        const lost = await renew(right(), again[0]);
        assert.equal((await renew(wrong(), again[0])).refreshToken, lost.refreshToken, 'asked again at the wrong one');
        const born = await grown(wrong());
        await jump(clock, wrong(), 0);
        for (const [node, other] of [
          [right(), wrong()],
          [wrong(), right()],
        ] as const)
          for (const one of [lost, again[1], born]) {
            const fresh = (await enters(node, one)) === 'welcome' ? one : await renew(node, one);
            for (const at of [node, other]) assert.equal(await enters(at, fresh), 'welcome', 'both are right');
          }
      });

      test(`by ${aheadMs / minuteMs} minutes and back while people talk: every message arrives, and no client is logged out`, async (t) => {
        const pairs = [...(await pairOf(t, cluster(), [wrong(), right()])), ...(await pairOf(t, cluster(), [right(), wrong()]))];
        const finish = talk(t, pairs);
        await jump(clock, wrong(), aheadMs);
        await jump(clock, wrong(), 0);
        await finish();
        for (const { chat } of pairs) assert.deepEqual(await right().problemsOf(chat.chatId), []);
      });
    }

    for (const aheadMs of [nearMs, -nearMs]) {
      test(`by ${aheadMs / minuteMs} minutes: tokens are good everywhere`, async () => {
        const before = await grown(right());
        await jump(clock, wrong(), aheadMs);
        const after = await grown(wrong());
        for (const node of [right(), wrong()]) for (const one of [before, after]) assert.equal(await enters(node, one), 'welcome');
        await jump(clock, wrong(), 0);
        for (const node of [right(), wrong()]) for (const one of [before, after]) assert.equal(await enters(node, one), 'welcome');
      });
    }
  });
}

/** Resolves when the node lives by it. */
async function jump(clock: JumpingClock, node: ClusterNode, aheadMs: number): Promise<void> {
  await clock.jumpTo(aheadMs);
  const probe = await grown(node);
  for (const startedMs = performance.now(); ; ) {
    const { serverTimeMs } = await renew(node, probe);
    if (Math.abs(serverTimeMs - Date.now() - aheadMs) < 2_000) return;
    assert.ok(performance.now() - startedMs < 10_000, 'the node does not see the jump');
  }
}

async function grown(node: ClusterNode): Promise<Tokens> {
  return (await registered(node.apiUrl)) as Tokens;
}

async function renew(node: ClusterNode, { refreshToken }: Tokens): Promise<Tokens> {
  const answer: ApiAnswer = await request('POST', `${node.apiUrl}/v1/sessions/refresh`, { body: { refreshToken } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body as Tokens;
}

/** What becomes of a hello with that token. */
async function enters(node: ClusterNode, tokens: Tokens): Promise<'welcome' | { readonly code: number; readonly reason: string }> {
  let welcome: () => void = () => undefined;
  const welcomed = new Promise<'welcome'>((resolve) => {
    welcome = () => resolve('welcome');
  });
  const client = await RawClient.connect(node.socketUrl, { onFrame: (frame) => frame.kind === 'welcome' && welcome() });
  client.tell(helloOf(tokens));
  const outcome = await Promise.race([welcomed, client.closed]);
  if (outcome === 'welcome') await client.close();
  return outcome;
}
