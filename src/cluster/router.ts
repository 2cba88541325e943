// Who gets what: commands to a chat's owner, answers to a device's node, pushes to whoever is there.
import type { AudienceCommand } from '../core/audience.ts';
import type { ChatCommand } from '../core/chat.ts';
import { later, type Push } from '../core/session.ts';
import type { Origin } from '../core/step.ts';
import { refused, type ToDevice } from '../protocol/codec.ts';
import type { Why } from '../protocol/errors.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { ToChatAudiences } from './envelope.ts';
import { InFlight } from './in-flight.ts';
import type { Link, Receiver } from './link.ts';
import type { Membership } from './membership.ts';

/** What the router needs of the node's actors. The kernel fulfils it. */
export interface LocalEntities {
  tell(kind: string, id: string, command: unknown): void;
  tellIfAwake(kind: string, id: string, command: unknown): boolean;
  awakeIds(kind: string): Iterable<string>;
  /** Finishes what is being committed and ends the entity; what waits goes to `take`. */
  moveAway(kind: string, id: string, take: (command: unknown) => void): void;
}

export interface Router {
  readonly node: string;
  readonly mayLose: boolean;
  tellChat(chatId: ChatId, command: ChatCommand): void;
  /** `last`: the request is answered by this. */
  answer(to: Origin, frame: ToDevice, last: boolean): void;
  tellAudience(node: string, chatId: ChatId, command: AudienceCommand): void;
  pushToUser(userId: UserId, push: Push): void;
  /** The same to each of them. */
  pushToUsers(userIds: readonly UserId[], push: Push): void;
  notifyUser(userId: UserId, frame: ToDevice, except: DeviceId | null): void;
  pushToAudiences(chatId: ChatId, chatPush: ToChatAudiences): void;
  /** Whether all nodes tell those who watch a user of the user's coming and going; else they look. */
  readonly tellsPresence: boolean;
  /** That user has come to this node, or has left it. */
  tellWatchers(userId: UserId, online: boolean, atMs: number): void;
  /** That device was logged out: wherever it is connected it is so no longer. */
  revokeDevice(userId: UserId, deviceId: DeviceId): void;
}

export interface NodeRouter extends Router {
  readonly link: Link;
  /** Since the start: commands that had come for a chat of another node and were passed on, and chats handed over. */
  readonly counts: { readonly forwarded: number; readonly handedOver: number };
  /** The view has changed: chats whose owner is another node now end here, and what waits for them is forwarded. What a node that is gone has not answered is passed on again. */
  handOver(): void;
}

/** From this level on nodes say who comes and goes. */
const presenceLevel = 1;

type Placing = Pick<Membership, 'ownerOf' | 'holds' | 'sees' | 'level'>;

/** Every command is forwarded once at most: who gets a forwarded one serves it whatever its own view says, and the store judges. `onRefused`: for the metrics. */
export function createRouter(entities: LocalEntities, placing: Placing, linkTo: (receiver: Receiver) => Link, onRefused: (why: Why) => void): NodeRouter {
  /** Commands that another node has forwarded to this one, or that this one has passed again to itself, as long as they are anywhere. */
  const forwarded = new WeakSet<ChatCommand>();
  const inFlight = new InFlight();
  const serve = (chatId: ChatId, command: ChatCommand): void => {
    forwarded.add(command);
    entities.tell('chat', chatId, command);
  };
  const receiver = receiverOf(entities, {
    isWanted: (deviceId, frame) => inFlight.answered(deviceId, frame),
    unforwarded: (chatId, command) => pass(chatId, command, 'moves'),
    forwarded: serve,
    // Interest that a crash has left behind ends here.
    noUser: (userId) => link.unsubscribeUser(userId),
    noChat: (chatId) => link.unsubscribeChat(chatId),
    nobodyWatches: (userId) => link.unsubscribePresence(userId),
  });
  const link = linkTo(receiver);
  const { node } = link;
  const counts = { forwarded: 0, handedOver: 0 };
  const pass = passing(entities, placing, link, { inFlight, counts, serve });
  return {
    node,
    mayLose: link.mayLose,
    link,
    counts,
    tellChat(chatId, command) {
      if (placing.holds && isHeldBack(command, entities, onRefused)) return;
      pass(chatId, command, 'asked');
    },
    ...telling(link, placing),
    get tellsPresence() {
      return placing.level >= presenceLevel;
    },
    handOver() {
      for (const { chatId, command } of inFlight.take((one) => !placing.sees(one))) {
        // Held back: its device asks again, and the former owner may answer after all.
        if (!placing.holds || !isSend(command)) pass(chatId, command, 'again');
      }
      for (const id of [...entities.awakeIds('chat')]) {
        const chatId = id as ChatId;
        if (placing.ownerOf(chatId) === node) continue;
        counts.handedOver += 1;
        entities.moveAway('chat', chatId, (command) => {
          if (forwarded.has(command as ChatCommand)) entities.tell('chat', chatId, command);
          else pass(chatId, command as ChatCommand, 'moves');
        });
      }
    },
  };
}

/** What leaves without a question where its chat is. */
function telling(link: Link, placing: Placing): Omit<Router, 'node' | 'mayLose' | 'tellChat' | 'tellsPresence'> {
  return {
    answer: ({ node: to, userId, deviceId }, frame, last) => link.toNode(to, { kind: 'answer', userId, deviceId, frame, last }),
    tellAudience: (to, chatId, command) => link.toNode(to, { kind: 'toAudience', chatId, command }),
    pushToUser: (userId, push) => link.toUser(userId, { kind: 'push', push }),
    pushToUsers(userIds, push) {
      const envelope = { kind: 'push', push } as const;
      for (const userId of userIds) link.toUser(userId, envelope);
    },
    notifyUser: (userId, frame, except) => link.toUser(userId, { kind: 'notify', frame, except }),
    pushToAudiences: (chatId, chatPush) => link.toChat(chatId, chatPush),
    tellWatchers(userId, online, atMs) {
      if (placing.level >= presenceLevel) link.toWatchers(userId, { kind: 'seen', node: link.node, online, atMs });
    },
    revokeDevice: (userId, deviceId) => link.toUser(userId, { kind: 'revoke', deviceId }),
  };
}

/** `asked`: by a device, for the first time or once more. `moves`: it was elsewhere, and goes on. `again`: who had it is gone. */
type Pass = (chatId: ChatId, command: ChatCommand, why: 'asked' | 'moves' | 'again') => void;

interface Passing {
  readonly inFlight: InFlight;
  readonly counts: { forwarded: number };
  /** Here, whatever the view says later. */
  serve(chatId: ChatId, command: ChatCommand): void;
}

/** To the chat's owner. What is passed again counts as in flight also where this node is the owner: the former one may live, and answer as well. */
function passing(entities: LocalEntities, placing: Placing, link: Link, { inFlight, counts, serve }: Passing): Pass {
  const { node } = link;
  return (chatId, command, why) => {
    const owner = placing.ownerOf(chatId);
    const isHere = owner === node;
    if (why === 'again') inFlight.passAgain({ node: owner, chatId, command });
    else if ('from' in command && command.from.node === node) {
      if (why === 'moves') inFlight.moves({ node: owner, chatId, command });
      else if (isHere) inFlight.keep(command);
      else inFlight.pass({ node: owner, chatId, command });
    }
    if (isHere) return why === 'again' ? serve(chatId, command) : entities.tell('chat', chatId, command);
    const isForwarded = why !== 'asked';
    if (isForwarded) counts.forwarded += 1;
    link.toNode(owner, { kind: 'toChat', chatId, forwarded: isForwarded, command });
  };
}

interface Arriving {
  /** False for one that has come before. */
  isWanted(deviceId: DeviceId, answer: ToDevice): boolean;
  unforwarded(chatId: ChatId, command: ChatCommand): void;
  forwarded(chatId: ChatId, command: ChatCommand): void;
  noUser(userId: UserId): void;
  noChat(chatId: ChatId): void;
  nobodyWatches(userId: UserId): void;
}

function receiverOf(entities: LocalEntities, arriving: Arriving): Receiver {
  return {
    fromNode(envelope) {
      switch (envelope.kind) {
        case 'toChat':
          if (envelope.forwarded) arriving.forwarded(envelope.chatId, envelope.command);
          else arriving.unforwarded(envelope.chatId, envelope.command);
          return;
        case 'answer':
          if (!arriving.isWanted(envelope.deviceId, envelope.frame)) return;
          entities.tellIfAwake('session', envelope.userId, envelope);
          return;
        case 'toAudience':
          entities.tellIfAwake('audience', envelope.chatId, envelope.command);
          return;
      }
    },
    forUser(userId, envelope) {
      if (!entities.tellIfAwake('session', userId, envelope)) arriving.noUser(userId);
    },
    forChat(chatId, chatPush) {
      if (!entities.tellIfAwake('audience', chatId, { kind: 'push', chatPush })) arriving.noChat(chatId);
    },
    forWatchers(userId, envelope) {
      if (!entities.tellIfAwake('presence', userId, envelope)) arriving.nobodyWatches(userId);
    },
  };
}

/** Sends, while this node may be on the wrong side of a cut: the device keeps them in its outbox. Reads are answered here. */
function isHeldBack(command: ChatCommand, entities: LocalEntities, onRefused: (why: Why) => void): boolean {
  if (!isSend(command)) return command.kind === 'typing';
  const { deviceId, userId } = command.from;
  onRefused('busy');
  entities.tellIfAwake('session', userId, { kind: 'answer', deviceId, frame: refused(command.number, 'busy', later('busy')), last: true });
  return true;
}

function isSend(command: ChatCommand): command is Extract<ChatCommand, { readonly number: number }> {
  return command.kind === 'post' || command.kind === 'create' || command.kind === 'change';
}
