// The cluster in words for the operator: nodes, shards, chats, and what to tell a node. Asks one node over its operators' listener.

interface Described {
  readonly node: string;
  readonly standing: string;
  readonly level: number;
  readonly base: readonly string[];
  readonly shards: Readonly<Record<string, number>>;
  readonly nodes: readonly NodeRow[];
}
interface NodeRow {
  readonly node: string;
  readonly state: string;
  readonly level: number;
  readonly sessions: number;
  readonly chats: number;
  readonly url: string | null;
  readonly startedAtMs: number;
  readonly silentMs: number;
  readonly isSuspected: boolean;
}

const drainPollMs = 300;
const drainMsMax = 10 * 60_000;

/** Rejects with what to do where no node answers, or says no. */
export async function askNode<Answer>(ops: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Answer> {
  const answer = await fetch(`${ops}${path}`, { method }).catch(() => undefined);
  if (answer === undefined) throw new Error(`No node answers at ${ops}. Name the operators' listener of one that runs with --ops.`);
  const body = (await answer.json().catch(() => ({}))) as Answer & { readonly says?: string };
  if (!answer.ok) throw new Error(body.says ?? `The node at ${ops} answered ${answer.status}.`);
  return body;
}

export async function nodes(ops: string): Promise<string> {
  const { node, standing, level, base, shards, nodes: rows } = await askNode<Described>(ops, '/cluster');
  if (rows.length === 0) return `Node ${node} is alone.`;
  const table = rows.map((row) => [
    row.node === node ? `${row.node} *` : row.node,
    row.isSuspected ? `${row.state}, silent ${(row.silentMs / 1_000).toFixed(1)} s` : row.state,
    `${shards[row.node] ?? 0}`,
    `${row.sessions}`,
    `${row.chats}`,
    `${row.level}`,
    new Date(row.startedAtMs).toISOString().slice(0, 19).replace('T', ' '),
    row.url ?? '',
  ]);
  const missing = base.filter((name) => !rows.some((row) => row.node === name));
  return [
    ...columns([['node', 'state', 'shards', 'sessions', 'chats', 'level', 'started (UTC)', 'sockets'], ...table]),
    `as ${node} (*) sees it: ${standing}, feature level ${level}${missing.length > 0 ? `; out of sight: ${missing.join(', ')}` : ''}`,
  ].join('\n');
}

export async function shards(ops: string): Promise<string> {
  const { shards: counts } = await askNode<Described>(ops, '/cluster');
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return columns([['node', 'shards', 'share'], ...Object.entries(counts).map(([node, count]) => [node, `${count}`, `${((100 * count) / all).toFixed(1)} %`])]).join('\n');
}

export async function where(ops: string, chatId: string): Promise<string> {
  const found = await askNode<{ shard: number; owner: string; askedNode: string; isAwakeHere: boolean; lastSeq: number }>(ops, `/chat?id=${encodeURIComponent(chatId)}`);
  const { shard, owner, askedNode, isAwakeHere, lastSeq } = found;
  if (lastSeq === 0) return `Nothing has been written to ${chatId}. It lies in shard ${shard}, which is ${owner}'s.`;
  return `${chatId} lies in shard ${shard}, which is ${owner}'s${isAwakeHere ? `; it is awake on ${askedNode}` : ''}. Its log ends with ${lastSeq}.`;
}

/** The second is whether all is well. */
export async function check(ops: string, chatId: string): Promise<readonly [says: string, isGood: boolean]> {
  const { lastSeq, members, appends, owner, problems } = await askNode<{ lastSeq: number; members: number; appends: number; owner: string; problems: string[] }>(
    ops,
    `/chat/check?id=${encodeURIComponent(chatId)}`,
  );
  const wrote = appends > 0 ? ` in ${appends} appends, the last by ${owner}` : '';
  const says = `${chatId}: ${lastSeq} entries${wrote}; ${members} members.`;
  if (problems.length === 0) return [`${says} The log is dense, ${appends > 0 ? 'the chain of appends whole, ' : ''}no inbox behind.`, true];
  return [`${says}\n${problems.join('\n')}\nAn inbox may be behind for a moment while an append is under way: check again.`, false];
}

export async function hottest(ops: string): Promise<string> {
  const { node, chats } = await askNode<{ node: string; chats: { chatId: string; entriesPerMinute: number }[] }>(ops, '/chats/hottest');
  if (chats.length === 0) return `On ${node} nothing was written in the last minutes.`;
  return [...columns([['chat', 'entries/min'], ...chats.map(({ chatId, entriesPerMinute }) => [chatId, `${entriesPerMinute}`])]), `on ${node}; ask the others too`].join('\n');
}

/** Resolves when the node has gone. */
export async function drain(ops: string, node: string, say: (text: string) => void): Promise<string> {
  say((await askNode<{ says: string }>(ops, `/drain?node=${encodeURIComponent(node)}`, 'POST')).says);
  const startedMs = performance.now();
  for (;;) {
    const view = await askNode<Described>(ops, '/cluster').catch(() => undefined);
    if (view === undefined) return `The node at ${ops} has gone.`;
    if (!view.nodes.some((row) => row.node === node)) return `Node ${node} has gone; ${view.nodes.length} are left.`;
    if (performance.now() - startedMs > drainMsMax) throw new Error(`Node ${node} is still there. Look at its log.`);
    await new Promise((resolve) => setTimeout(resolve, drainPollMs));
  }
}

export async function shrink(ops: string): Promise<string> {
  const { nodes: rows } = await askNode<Described>(ops, '/shrink', 'POST');
  return `What this node sees is now all there is: ${rows.map(({ node }) => node).join(', ')}. Say it to each node that holds sends back.`;
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
