// docs/faults.md from the result of a run: what was done, how often, with which effect, what was found, and how to do it again.

import { type Effects, plus } from './effects.ts';
import { type Effect, effects, type Kind, kindNames, kinds, ofOne } from './kinds.ts';
import type { Outcome } from './nemesis.ts';
import type { Storm } from './storm.ts';
import type { Takeovers } from './takeovers.ts';

/** What each check says, for readers of the report. */
const promises: Readonly<Record<string, string>> = {
  durable: 'Every acknowledged send, and change of members, stands in the log where the client was told.',
  dense: 'Logs count 1, 2, 3 …; messages are counted right; the clock of a chat never falls.',
  once: 'Nothing stands twice in a log, and nothing was acknowledged at two places.',
  inOrder: 'What one device wrote in one chat stands in the order in which it was written.',
  answered: 'Every send was acknowledged, or refused for good, and then it stands nowhere.',
  oneOrder: 'Whoever was shown an entry, at any time, was shown the one that stands there.',
  converged: 'In the end every client has every entry that its user may see.',
  toldOnce: 'The SDK told its program each entry once, in order.',
  membersOnly: 'Nobody was shown an entry at which they were no member, in small chats and large ones.',
  watermarks: 'Watermarks only rise; what anybody was told of them is in the store.',
  inboxNotBehind: "No row of an inbox is behind its chat's log.",
  nothingWrong: 'No client met what no client should meet: a lost log-in, a malformed frame, another history.',
};

/** What runs have shown so far, and what became of it: kept by hand. */
const known: readonly string[] = [
  'A node that had lost its first node of Cassandra looked for the others at port 9042, whatever theirs was. Mended: the port of PARLEY_CQL counts for all.',
  "Where neither a chat's log nor its receipts could be read while it woke, the second failure was heard by nobody, and Node ended the process. Mended.",
  "A send that was under way to an owner when that was killed was answered only when its device lost patience (ten seconds with the SDK then). Mended: the node of the device's session passes it on to the next owner.",
  'A node that was cut off from Cassandra just while the driver renewed its control connection ended by itself: the driver (4.10) stumbles over the missing connection in a job that nobody waits for. Mended: the job is heard, and done again.',
  'A node that is behind in its feature level and away for longer than ten seconds while all others have the new one cannot come back with the old build: the cluster has gone on without it. As meant; start it with the new build. (With seed 5 the nemesis went on trying the old one: that kill took 351 s, and no node was hit for as long.)',
  'A node whose clock had jumped ahead by more than 30 s took access tokens of other nodes for expired, and others took its tokens for wrong, until its clock was right again, and by its own reckoning for twice as long as the jump was wide. A device that then repeated a refresh whose answer was lost was logged out. With seed 5, where clocks jumped by up to two hours, two of the 44 clients did not get in again after such a jump (4402, 4401, and no token any more); what these two wrote and were to be shown from then on were that run’s violations, but for one. Mended: tokens are dated by the machine’s clock, one from a clock ahead is taken or renewed, a refresh is judged by the clock of the store, and a log-in by its own mark. Clocks jump by up to 15 minutes since.',
  'A device that connects to a second node was disconnected from the first for good (4409), for a while. With seed 21 a connection that its client had given up lay in front of a paused node, was attached when the node went on, and counted as the newer one: the living one was closed, and two of the 44 clients stopped. Taken out again: a device on two nodes keeps both.',
  'A node whose clock jumped forward ended connections that had only just been opened: no hello had come in time (4408). With seed 104 that met seven devices at once, which came again. Mended: the time for a hello is told by timers.',
  'Sends that a node holds back while it is cut off from NATS were in no count of refusals. Mended.',
  'A device that was put out of a group and let in again was told that a send is refused (notAMember), which later stood in the log: one send of 11,181 with seed 5, one of 9,854 with seed 31. With seed 31 the history shows how: the device wrote to a node that had just been stopped, gave that connection up, sent the same over another node, and was refused, for it had been put out meanwhile; it was let in again, the stopped node went on, read the first copy from the connection that was no more, and passed it on: by then the user was a member. Mended: a number says when it was drawn, and one from before its user was let in again is not taken (numberPassed). A device whose clock is ahead of the chat’s may still meet it ([ADR 12](adr/0012-older-than-the-stay.md)).',
];

/** Of one run, or of several that tell one story. */
export function reportOf(storms: readonly Storm[]): string {
  const [{ options, machine, day, clients } = nothing()] = storms;
  const outcomes = storms.flatMap((storm) => storm.outcomes);
  return `# Faults

This page is written by \`npm run faults\`; change it by running that again.

Real processes: ${options.nodes} Parley nodes, ${options.stores} Cassandra nodes, NATS, Redis and the clients, all on one machine (${machine}), ${day}. ${clients.sdk} clients with the SDK and ${clients.raw} of bare frames talked in
${clients.chats} chats (${clients.groups} of them groups, some large, whose members were put out and let in again) at ${options.perSecond} messages/s, connected to any node and to another one whenever theirs was lost, while a nemesis did
${outcomes.length} faults, up to ${options.lanes} at once. Then everything was healed, and what every client had seen was held against what the store has.

${table(
  ['run', 'faults', 'took', 'written', 'acknowledged', 'refused for good', 'changes of members', 'entries stored', 'shown by push, by pull', 'all at rest after'],
  storms.filter((storm) => storm.outcomes.length > 0).map(runRow),
)}

A seed gives the same schedule: rounds that hold each kind once, on whom, and for how long at least. A fault begins as soon as nothing that is under way hits the same, and no more than two rounds are open; what happens between processes is theirs.

## What held

${table(
  ['promise', 'violations'],
  Object.keys(promises).map((name) => {
    const count = storms.reduce((sum, { verdicts }) => sum + (verdicts[name]?.count ?? 0), 0);
    return [promises[name] ?? name, count === 0 ? '0' : `**${count}**`];
  }),
)}

## What was done

Each fault has to be seen of what it hits, by an effect that its kind must have, and goes on until then. While a way of a node is slow or cut, or a Cassandra node is away, somebody asks the nodes for what needs Redis and the store, so that no way lies idle.

${table(['fault', 'times', 'seen', 'how long (median, longest)', 'seen of what they hit', 'seen anywhere meanwhile'], kindRows(outcomes))}

Faults overlap, so what was seen meanwhile may also come from another one, and is then counted for both.

${storms.map(({ takeovers }) => takeoverText(takeovers)).find((text) => text !== '') ?? ''}## What was found

${findings(storms)}

## What runs have found before

${known.map((line) => `- ${line}`).join('\n')}
`;
}

function runRow({ options, outcomes, faultsMs, counts, stored, settled, settledMs, missing }: Storm): readonly string[] {
  const refused = Object.entries(counts).flatMap(([name, count]) => (name.startsWith('refused ') ? [`${count} ${name.slice('refused '.length)}`] : []));
  return [
    `\`--seed ${options.seed} --faults ${options.faults} --minutes ${options.minutes} --lanes ${options.lanes} --rate ${options.perSecond}\``,
    `${outcomes.length}`,
    minutes(faultsMs),
    `${counts['posted'] ?? 0}`,
    `${counts['sent'] ?? 0}`,
    refused.join(', ') || '0',
    `${counts['changed'] ?? 0}`,
    `${stored}`,
    `${counts['entry by push'] ?? 0}, ${counts['entry by pull'] ?? 0}`,
    settled && missing === 0 ? seconds(settledMs) : `**not: ${settled ? `${missing} entries were missing` : 'sends without an answer'}**`,
  ];
}

function nothing(): never {
  throw new RangeError('a report of no run');
}

function kindRows(outcomes: readonly Outcome[]): readonly (readonly string[])[] {
  return kindNames.flatMap((kind) => {
    const own = outcomes.filter((outcome) => outcome.kind === kind);
    if (own.length === 0) return [];
    const { seenBy, causes, says }: Kind = kinds[kind];
    const sums = sumOf(own);
    const times = (name: Effect): number => own.filter(({ evidence }) => (evidence[name] ?? 0) > 0).length;
    const evident = seenBy.filter((name) => times(name) > 0).map((name) => `${sums[name] ?? 0} ${effects[name]}${seenBy.length > 1 ? ` (of ${times(name)} faults)` : ''}`);
    const isShown = (name: Effect): boolean => !seenBy.includes(name) && (causes.includes(name) || !(ofOne as readonly Effect[]).includes(name));
    const others = (Object.entries(sums) as [Effect, number][]).flatMap(([name, value]) => (value > 0 && isShown(name) ? [`${value} ${effects[name]}`] : []));
    const spans = own.map(({ beganMs, healedMs }) => healedMs - beganMs).sort((one, other) => one - other);
    const row = [
      says,
      `${own.length}`,
      `${own.filter(isSeen).length}`,
      `${seconds(spans[Math.floor(spans.length / 2)] as number)}, ${seconds(spans.at(-1) as number)}`,
      evident.join('; '),
      others.join('; '),
    ];
    return [row];
  });
}

export function isSeen({ evidence }: Outcome): boolean {
  return Object.keys(evidence).length > 0;
}

function sumOf(outcomes: readonly Outcome[]): Effects {
  return outcomes.reduce((sum: Effects, { effects: more }) => plus(sum, more), {});
}

/** Effects that faults of a kind must have had somewhere, and had nowhere. */
function withoutCause(outcomes: readonly Outcome[]): readonly string[] {
  return kindNames.flatMap((kind) => {
    const own = outcomes.filter((outcome) => outcome.kind === kind);
    const sums = sumOf(own);
    return own.length === 0 ? [] : kinds[kind].causes.filter((name) => (sums[name] ?? 0) === 0).map((name) => `${kind}: 0 ${effects[name]}`);
  });
}

function takeoverText(takeovers: Takeovers | undefined): string {
  if (takeovers === undefined) return '';
  const { times, perSecond } = takeovers;
  const rows = (
    [
      ['owner killed (-9): until a send made after it is acknowledged', 'killed'],
      ['owner drained (SIGTERM): the longest that a send of the chat waited', 'drained'],
      ['the same at the same time, in chats whose owner stays', 'staying'],
      ['of the drained, what is beyond the median of those that stay', 'beyond'],
      ['the same span while nothing happens, in all of these chats', 'calm'],
    ] as const
  ).map(([says, name]) => {
    const { count, p50Ms, p99Ms, maxMs } = takeovers[name];
    return [says, `${count}`, `${p50Ms} ms`, `${p99Ms} ms`, `${maxMs} ms`];
  });
  return `## When an owner goes

Measured before the faults and while nobody else talked, ${times} times each: by devices that are connected to nodes that stay and go on sending, ${perSecond} messages/s in all.

${table(['', 'chats', 'p50', 'p99', 'longest'], rows)}

`;
}

function findings(storms: readonly Storm[]): string {
  const lines = storms.flatMap(({ verdicts, errors, failedStarts, outcomes, options }) => {
    const found: string[] = [];
    for (const [name, { count, first }] of Object.entries(verdicts)) {
      if (count === 0) continue;
      found.push(`- **${promises[name] ?? name}** ${count} times not; the first:`, ...first.slice(0, 5).map((says) => `  - ${says}`));
    }
    const unseen = outcomes.filter((outcome) => !isSeen(outcome));
    if (unseen.length > 0) found.push(`- ${unseen.length} faults were not seen of what they hit: ${unseen.map(({ nth, kind }) => `#${nth} ${kind}`).join(', ')}.`);
    for (const says of withoutCause(outcomes)) found.push(`- Not one fault of a kind had an effect that it must have: ${says}.`);
    if (failedStarts > 0) found.push(`- ${failedStarts} starts of nodes failed, while something that they need was away, and were repeated.`);
    for (const { says, count } of errors) found.push(`- ${count} × in a node's log at level error: ${says}`);
    return found.length === 0 ? [] : [`With seed ${options.seed}:`, '', ...found, ''];
  });
  return lines.length === 0 ? 'Nothing: no violation, and no line of level error in the log of any node.' : lines.join('\n').trimEnd();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const minutes = (ms: number): string => (ms < 120_000 ? seconds(ms) : `${Math.round(ms / 60_000)} minutes`);
