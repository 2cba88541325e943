// People who talk by the SDK without a pause while nodes come and go, and what each of them saw.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { type Chat, Parley } from '../../src/sdk/parley.ts';
import { password } from './accounts.ts';

/** A test does not wait as long as a device does. */
const policy = { reconnectMinMs: 50, reconnectMaxMs: 1_000, sendTimeoutMs: 2_000, retryMinMs: 50, retryMaxMs: 500 };
const everyMs = 40;
const openMax = 8;
const settleMsMax = 60_000;

export interface Talker {
  readonly name: string;
  readonly home: ClusterNode;
  readonly parley: Parley;
  readonly chat: Chat;
  /** `seq text` of each entry, as it came. */
  readonly heard: string[];
  /** What it said, and when the server had it, in order; each once acknowledged. */
  readonly said: string[];
  readonly acknowledgedMs: number[];
  readonly disconnects: string[];
}

let pairs = 0;

/** Two people in one direct chat, each at home on a node; both know all nodes. */
export async function pairOf(t: TestContext, cluster: Cluster, homes: readonly [ClusterNode, ClusterNode]): Promise<readonly [Talker, Talker]> {
  pairs += 1;
  const names = [`one-${process.pid}-${pairs}`, `other-${process.pid}-${pairs}`] as const;
  const clients = await Promise.all(
    names.map((handle, at) => {
      const home = homes[at] as ClusterNode;
      const url = [home, ...cluster.nodes.filter((node) => node !== home)].map(({ apiUrl }) => apiUrl).join(',');
      return Parley.register({ url, handle, password, policy });
    }),
  );
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const talkers = await Promise.all(
    clients.map(async (parley, at): Promise<Talker> => {
      const talker = {
        name: names[at] as string,
        home: homes[at] as ClusterNode,
        parley,
        chat: await parley.directChat(names[1 - at] as string),
        heard: [] as string[],
        said: [] as string[],
        acknowledgedMs: [] as number[],
        disconnects: [] as string[],
      };
      parley.on('entry', ({ seq, entryKind, body }) => void talker.heard.push(entryKind === entryKinds.message ? `${seq} ${Buffer.from(body)}` : `${seq}`));
      parley.on('disconnected', ({ why }) => void talker.disconnects.push(why));
      return talker;
    }),
  );
  return talkers as [Talker, Talker];
}

/** They talk from now on, until the function that comes back is called; it resolves when all that was said is acknowledged and heard by both, and asserts that it came once, in order. */
export function talk(t: TestContext, talkers: readonly Talker[]): () => Promise<void> {
  let isOver = false;
  t.after(() => {
    isOver = true; // also where the test fails
  });
  const talking = talkers.map((talker) => talkOn(talker, () => isOver));
  return async () => {
    isOver = true;
    await Promise.all(talking);
    for (const talker of talkers) await judge(talker, talkers);
  };
}

async function talkOn(talker: Talker, isOver: () => boolean): Promise<void> {
  const open = new Set<Promise<void>>();
  for (let nth = talker.said.length; !isOver(); nth += 1) {
    const text = `${talker.name} ${nth}`;
    talker.said.push(text);
    const sent = talker.chat.send(text).then(
      () => {
        talker.acknowledgedMs.push(performance.now());
        open.delete(sent);
      },
      (error: unknown) => {
        if (!isOver()) throw error; // else the client was closed meanwhile
      },
    );
    open.add(sent);
    if (open.size >= openMax) await Promise.race(open);
    await delay(everyMs);
  }
  await Promise.all(open);
}

async function judge(talker: Talker, talkers: readonly Talker[]): Promise<void> {
  const both = talkers.filter(({ chat }) => chat.chatId === talker.chat.chatId);
  const count = 1 + both.reduce((sum, { said }) => sum + said.length, 0); // and that the chat was made
  const startedMs = performance.now();
  while (talker.heard.length < count && performance.now() - startedMs < settleMsMax) await delay(20);
  assert.deepEqual(
    talker.heard.map((line) => Number(line.split(' ')[0])),
    Array.from({ length: count }, (_, at) => at + 1),
    `${talker.name} has not heard the log as it is`,
  );
  for (const { name, said } of both) {
    const texts = talker.heard.map((line) => line.slice(line.indexOf(' ') + 1)).filter((text) => text.startsWith(`${name} `));
    assert.deepEqual(texts, said, `${name}, as ${talker.name} heard it`);
  }
}

/** The longest time between two acknowledgements in a row, of all who talk in the chat, that ends between `fromMs` and `toMs`. */
export function longestGapMs(both: readonly Talker[], fromMs: number, toMs = Number.POSITIVE_INFINITY): number {
  const times = both.flatMap(({ acknowledgedMs }) => acknowledgedMs).sort((one, other) => one - other);
  const gaps = times.slice(1).map((toHere, at) => ({ toHere, ms: toHere - (times[at] as number) }));
  return Math.max(0, ...gaps.filter(({ toHere }) => toHere >= fromMs && toHere < toMs).map(({ ms }) => ms));
}
