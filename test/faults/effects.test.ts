// No fault is taken for seen that was not: what is counted, of whom, and what is not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { Meetings, ofAll, since, Watch } from './effects.ts';
import { History, roams } from './history.ts';
import { cut, slowed, stopped } from './inflicted.ts';

interface Shown {
  redisUp: number;
  holds: number;
  forwards: number;
  standing: string;
  nodes: readonly { readonly node: string; readonly state: string; readonly isSuspected: boolean }[];
}

async function operated(t: TestContext, shown: Shown): Promise<string> {
  const server: HttpServer = createHttpServer((request, answer) => {
    const { standing, nodes, redisUp, holds, forwards } = shown;
    if (request.url === '/cluster') return answer.end(JSON.stringify({ standing, nodes }));
    return answer.end(`# HELP\nparley_redis_up ${redisUp}\nparley_holds_sends ${holds}\nparley_forwards_total ${forwards}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const up = (node: string): Shown['nodes'][number] => ({ node, state: 'up', isSuspected: false });

test('a look tells of each node what is its own, and of those that others miss, unless they are cut off themselves', async (t) => {
  const [one, two]: readonly Shown[] = [
    { redisUp: 0, holds: 0, forwards: 3, standing: 'whole', nodes: [up('one'), { ...up('two'), isSuspected: true }] },
    { redisUp: 1, holds: 1, forwards: 4, standing: 'cutOff', nodes: [up('two')] },
  ] as const;
  assert(one !== undefined && two !== undefined);
  const nodes = [
    { name: 'one', opsUrl: await operated(t, one), isRunning: true, life: 1 },
    { name: 'two', opsUrl: await operated(t, two), isRunning: true, life: 1 },
    { name: 'three', opsUrl: 'http://127.0.0.1:1', isRunning: false, life: 1 },
    { name: 'four', opsUrl: 'http://127.0.0.1:1', isRunning: true, life: 1 },
  ];
  const watch = new Watch(nodes);
  await watch.look();
  const before = watch.totals;
  one.forwards = 5;
  one.nodes = [up('one'), up('two'), up('four')];
  await watch.look();
  const seen = since(watch.totals, before);
  const shown = Object.fromEntries([...seen].map(([name, effects]) => [name, Object.fromEntries(Object.entries(effects).filter(([, value]) => value > 0))]));
  assert.deepEqual(shown, { one: { grey: 1, forwards: 2 }, two: { held: 1 }, three: { missed: 1 }, four: { silent: 1 } });
  assert.equal(before.get('two')?.missed, 1, 'suspected is missed, too');
  assert.deepEqual([ofAll(seen).forwards, ofAll(seen).held], [2, 1]);
});

test('figures of a process that is no more still count', async (t) => {
  const shown: Shown = { redisUp: 1, holds: 0, forwards: 7, standing: 'whole', nodes: [up('one')] };
  const node = { name: 'one', opsUrl: await operated(t, shown), isRunning: true, life: 1 };
  const watch = new Watch([node]);
  await watch.look();
  node.life = 2;
  shown.forwards = 1;
  await watch.look();
  assert.equal(watch.totals.get('one')?.forwards, 8);
});

test('a connection that its client gives up of its own will is not lost; one that it was asked to give up is moved', () => {
  const history = new History();
  const meetings = new Meetings(history);
  for (const why of [roams, 'silent', '1006 ', 'moved', '4503 draining']) history.tell({ who: 'ann', what: 'lost', node: 'one', why });
  history.tell({ who: 'ann', what: 'posted', chatId: 'g1' as ChatId, text: 'hello' });
  history.tell({ who: 'ann', what: 'sent', chatId: 'g1' as ChatId, text: 'hello', seq: 1 });
  assert.deepEqual(Object.fromEntries(meetings.totals), { one: { lost: 2, moved: 2 } });
});

test('ways are seen slow, cut, or unanswered only where somebody goes by them', async (t) => {
  let answers = true;
  const server = createServer((socket) => socket.on('error', () => undefined).on('data', (chunk) => answers && socket.write(chunk))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way = await TcpProxy.start({ port: (server.address() as AddressInfo).port });
  const socket = connect(way.port, '127.0.0.1').on('error', () => undefined);
  t.after(async () => {
    await way.stop();
    server.close();
  });
  const asked = async (): Promise<void> => {
    socket.write('?');
    await once(socket, 'data');
  };
  await asked();
  const slow = slowed([way], 20);
  await slow.look?.();
  assert.equal(slow.seen.delayed, 0);
  await asked();
  await slow.heal();
  assert.equal(slow.seen.delayed, 2, 'there and back');

  let nowMs = 0;
  const halted = await stopped({ kill: async () => undefined, restart: async () => undefined }, [way], () => nowMs);
  const owedAt = async (ms: number): Promise<number | undefined> => {
    nowMs = ms;
    await halted.look?.();
    return halted.seen.owed;
  };
  assert.equal(await owedAt(0), 0);
  assert.equal(await owedAt(2_000), 0, 'it was not asked');
  answers = false;
  const { toServer } = way.bytes;
  socket.write('?');
  while (way.bytes.toServer === toServer) await delay(1);
  assert.equal(await owedAt(3_000), 0);
  assert.equal(await owedAt(3_400), 0, 'that may be merely under way');
  assert.equal(await owedAt(3_600), 1);

  const broken = cut([way]);
  const waited = AbortSignal.timeout(5_000);
  while (broken.seen.cut === 0 && !waited.aborted) {
    await delay(1);
    await broken.look?.();
  }
  assert.equal(broken.seen.cut, 1);
});
