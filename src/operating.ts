// What operators ask of a node over its own listener: is it ready, its figures, the cluster as it sees it, and what it shall do.
import { isAbsolute } from 'node:path';
import { shardOf } from './cluster/placement.ts';
import type { Running } from './parts.ts';
import { checkChat } from './services/chat-check.ts';
import { type ChatId, isId } from './structures/ids.ts';
import { type HttpAnswer, json, type RequestHandler } from './transport/http/exchange.ts';
import { httpOps } from './transport/http/ops.ts';

const hottestShown = 20;

export function opsOf(running: Running): RequestHandler {
  const { ports, edge, among, hottest, system, log, metrics } = running;
  const { stores } = ports;
  const { membership } = system;
  return httpOps({
    ready: () => [
      ...(edge.draining ? ['draining'] : []),
      ...(edge.server === undefined ? ['starting'] : []),
      ...among.reasons(),
      ...(stores.trouble() === undefined ? [] : [`store: ${stores.trouble()}`]),
    ],
    metricsText: () => metrics.text(),
    log,
    gets: {
      '/cluster': () => json(200, { node: membership.node, ...membership.describe() }),
      '/chat': (parameters) => forChat(parameters, (chatId) => where(running, chatId)),
      '/chat/check': (parameters) => forChat(parameters, async (chatId) => checkChat(chatId, { ...stores, ...(ports.appendChain && { chain: ports.appendChain }) })),
      '/chats/hottest': () => json(200, { node: membership.node, chats: hottest.top(hottestShown) }),
    },
    posts: {
      '/drain': (parameters) => drain(running, parameters.get('node') ?? membership.node),
      '/shrink'() {
        membership.shrink();
        return json(200, { says: 'What this node sees now is all there is.', ...membership.describe() });
      },
      '/backup': (parameters) => backUp(running, parameters.get('to') ?? ''),
    },
  });
}

async function forChat(parameters: URLSearchParams, answer: (chatId: ChatId) => Promise<object>): Promise<HttpAnswer> {
  const id = parameters.get('id') ?? '';
  if (!isId('chat', id)) return json(400, { code: 'malformed', says: 'Name a chat: ?id=…' });
  return json(200, await answer(id as ChatId));
}

/** Which node should own it, by this one's view, and where its log stands. */
async function where({ ports, system: { membership, kernel } }: Running, chatId: ChatId): Promise<object> {
  const { lastSeq } = await ports.stores.messages.open(chatId);
  return { chatId, shard: shardOf(chatId), owner: membership.ownerOf(chatId), askedNode: membership.node, isAwakeHere: kernel.isAwake('chat', chatId), lastSeq };
}

/** Of another node it is asked over the link. */
function drain({ system, onDrain }: Running, node: string): HttpAnswer {
  const { membership, router } = system;
  if (node === membership.node) {
    onDrain();
    return json(202, { says: `Node ${node} drains, and ends.` });
  }
  if (!membership.describe().nodes.some((known) => known.node === node)) return json(404, { code: 'noSuchNode', says: `${membership.node} sees no node ${node}.` });
  router.link.toAll({ kind: 'drain', node });
  return json(202, { says: `Node ${node} was told to drain.` });
}

async function backUp({ ports: { stores } }: Running, to: string): Promise<HttpAnswer> {
  if (stores.backup === undefined)
    return json(409, {
      code: 'backupFailed',
      says: 'The data lies in Cassandra or ScyllaDB, which have tools of their own for that: nodetool snapshot on each of its nodes. See docs.',
    });
  if (!isAbsolute(to)) return json(400, { code: 'malformed', says: 'Name an absolute directory on the server: /backup?to=/somewhere/new' });
  try {
    await stores.backup(to);
    return json(200, { to });
  } catch (error) {
    return json(409, { code: 'backupFailed', says: (error as Error).message });
  }
}
