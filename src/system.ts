// The actors of a node: kernel, router and the services that sessions ask, wired over ports. The simulator runs exactly this. Decides nothing.
import { audienceActor } from './actors/audience.ts';
import { chatActor } from './actors/chat.ts';
import { presenceActor } from './actors/presence.ts';
import type { ActorDefinition } from './actors/runtime/actor.ts';
import { Admission } from './actors/runtime/admission.ts';
import type { KernelEvent } from './actors/runtime/events.ts';
import { createKernel, type Kernel } from './actors/runtime/kernel.ts';
import { type Connections, sessionActor } from './actors/session.ts';
import { Heals } from './cluster/heals.ts';
import { LinkHeartbeats } from './cluster/heartbeats.ts';
import type { Link, LinkEvents, Receiver } from './cluster/link.ts';
import { ClusterMembership, featureLevel, type Membership, type MembershipNeeds, singleNode } from './cluster/membership.ts';
import { createRouter, type NodeRouter } from './cluster/router.ts';
import type { ChatState } from './core/chat.ts';
import { watermarkOf } from './core/receipts.ts';
import type { ConnectionId } from './core/session.ts';
import type { Why } from './protocol/errors.ts';
import { acquainted } from './services/acquaintance.ts';
import { chatListService } from './services/chat-list.ts';
import { profiles } from './services/profiles.ts';
import { resyncService } from './services/resync.ts';
import type { Known } from './store/inbox.ts';
import type { Stores } from './store/stores.ts';
import type { Clock, Random } from './structures/clock.ts';
import type { UserId } from './structures/ids.ts';

/** What the actors need of the world, whichever mode it runs in. The simulator gives a fake clock, a seeded draw and the memory stores. */
export interface SystemPorts {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  /** Of a node that is one of many. Without it the node is alone. */
  readonly cluster?: Pick<MembershipNeeds, 'life' | 'levels' | 'rules' | 'url'> & {
    /** As an older build would be; left out: all that this one reads. */
    readonly level?: number;
    /** An operator has said, on some node, that this one is to go. */
    onDrain?(): void;
  };
  linkTo(receiver: Receiver, events: LinkEvents): Link;
  /** The device sockets; they get the entities to tell, and give back the connections. */
  connect(kernel: Kernel, admission: Admission): Connections;
  /** After each turn of the kernel. */
  afterTurn(isQuiet: boolean): void;
  readonly observe: Observe;
}

/** What the node tells the metrics and the log. */
export interface Observe {
  readonly counts: { appends: number; entries: number; resyncs: number; lagging: number };
  batch(entries: number): void;
  committed(tookMs: number): void;
  refused(why: Why): void;
  event(event: KernelEvent): void;
}

export interface System {
  readonly kernel: Kernel;
  readonly router: NodeRouter;
  readonly heals: Heals;
  /** To be joined before devices are served. */
  readonly membership: Membership;
  readonly connections: Connections;
  readonly admission: Admission;
  /** Devices that read too slowly and have not caught up yet. */
  lagging(): number;
}

/** The actors of one node. Sockets and HTTP are put around them by node.ts; the simulator puts its own network there. */
export function startSystem(ports: SystemPorts): System {
  const { stores, clock, random, observe } = ports;
  const kernel = createKernel({
    clock,
    random,
    afterTurn: ports.afterTurn,
    report: (event) => observe.event(event),
    committed: (_actor, _commands, tookMs) => observe.committed(tookMs),
  });
  const lagging = new Set<ConnectionId>();
  const { membership, router, heals } = placeOf(ports, kernel);
  const { link } = router;
  const admission = new Admission(clock);
  const connections = ports.connect(kernel, admission);
  const refused = (why: string): void => observe.refused(why as Why);
  const { messages, chats, inbox, receipts, presence } = stores;
  const resync = resyncService({ inbox, incarnation: stores.incarnation, known: (userId, chatId) => knownOf(kernel.stateOf('chat', chatId), userId) });
  const chatList = chatListService({ inbox, messages });
  const answers = {
    resume: (...asked: Parameters<typeof resync.resume>) => admission.through('resume', () => resync.resume(...asked)),
    heads: (userId: UserId) => admission.through('heal', () => resync.heads(userId)),
    listChats: chatList.list,
    usersExist: profiles(stores.users).allExist,
    acquainted: (userId: UserId, others: readonly UserId[]) => acquainted(inbox, userId, others),
  };
  kernel.host(chatActor({ messages, chats, inbox, receipts, router, random, counts: observe.counts, observeBatch: observe.batch, refused }));
  const sessions = sessionActor({ router, entities: kernel, connections, answers, presence, clock, counts: observe.counts, overrun: new Set(), lagging, refused });
  kernel.host(
    heard(
      sessions,
      (userId) => link.subscribeUser(userId),
      (userId) => link.unsubscribeUser(userId),
    ),
  );
  const audiences = audienceActor({ router, connections, entities: kernel, clock });
  kernel.host(
    heard(
      audiences,
      (chatId) => link.subscribeChat(chatId),
      (chatId) => link.unsubscribeChat(chatId),
    ),
  );
  const presences = presenceActor({ router, presence, isConnected: (userId) => kernel.isAwake('session', userId) });
  kernel.host(
    heard(
      presences,
      (userId) => link.subscribePresence(userId),
      (userId) => link.unsubscribePresence(userId),
    ),
  );
  return { kernel, router, heals, membership, connections, admission, lagging: () => lagging.size };
}

function placeOf({ node, clock, random, cluster, linkTo, observe }: SystemPorts, kernel: Kernel): Pick<System, 'membership' | 'router' | 'heals'> {
  const heartbeats = new LinkHeartbeats();
  const load = (): { sessions: number; chats: number } => ({ sessions: kernel.awake('session'), chats: kernel.awake('chat') });
  const membership = cluster === undefined ? singleNode(node) : new ClusterMembership({ node, clock, heartbeats, load, level: featureLevel, ...cluster });
  const heals = new Heals(kernel, clock, random);
  const events: LinkEvents = {
    ...heartbeats.events,
    fromAll(envelope) {
      heartbeats.events.fromAll(envelope);
      if (envelope.kind === 'drain' && envelope.node === node) cluster?.onDrain?.();
    },
    lost: () => heals.begin(),
  };
  const router = createRouter(
    kernel,
    membership,
    (receiver) => linkTo(receiver, events),
    (why) => observe.refused(why),
  );
  heartbeats.link = router.link;
  const tellOfGone = outOfSight(membership, kernel);
  membership.hear({
    changed(missed) {
      router.handOver();
      tellOfGone();
      if (missed) heals.begin();
    },
    heal: () => heals.begin(),
    sendAway: () => undefined, // for whoever holds the sockets
    twin: () => undefined,
  });
  return { membership, router, heals };
}

/** Who watches a user hears of nodes that have gone without a word; unless it is this one that is away from the others. */
function outOfSight(membership: Membership, kernel: Kernel): () => void {
  let known: readonly string[] = [];
  return () => {
    const { standing, nodes } = membership.describe();
    if (standing !== 'whole' && standing !== 'half') return;
    const gone = known.filter((one) => !membership.sees(one));
    known = nodes.map(({ node }) => node);
    if (gone.length > 0) for (const userId of [...kernel.awakeIds('presence')]) kernel.tellIfAwake('presence', userId, { kind: 'gone', nodes: gone });
  };
}

function knownOf(chat: unknown, userId: UserId): Known | undefined {
  if (chat === undefined) return undefined;
  const { seq, receipts } = chat as ChatState;
  return { lastSeq: seq, receiptsVersion: receipts.version, read: watermarkOf(receipts, userId).read };
}

/** The node wants what others send to the entity, from before it reads anything until it is put away. */
function heard<Id extends string, State, Command, Effect, Context>(
  definition: ActorDefinition<Id, State, Command, Effect, Context>,
  begin: (id: Id) => void,
  end: (id: Id) => void,
): ActorDefinition<Id, State, Command, Effect, Context> {
  return {
    ...definition,
    load(id) {
      begin(id);
      return definition.load(id);
    },
    passivate(state, self) {
      end(self.id);
      return definition.passivate?.(state, self);
    },
  };
}
