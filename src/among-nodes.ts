// A node as one of many: it joins before it serves devices, says why it should get none, sends them to other nodes, and leaves.
import type { TreeChild } from './actors/runtime/tree.nact.ts';
import { NodeIdTaken } from './cluster/membership.ts';
import type { Standing } from './cluster/view.ts';
import type { Edge, NodePorts } from './node.ts';
import type { System } from './system.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

export interface AmongNeeds {
  readonly ports: NodePorts;
  readonly system: System;
  readonly edge: Edge;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Devices that are told to move come back after a moment of up to this long, not all at once. */
  readonly moveSpreadMs: number;
  /** Whether all nodes are reached by one address, behind which somebody else chooses. */
  readonly isBalanced: boolean;
  /** This node has to end. */
  gaveUp(error: Error): void;
}

export interface AmongNodes {
  readonly child: TreeChild;
  /** Why this node should get no devices just now. */
  reasons(): readonly string[];
  /** Chats go to other nodes, and devices are told to; resolves when the devices have gone, or have had the time for it. */
  drain(): Promise<void>;
}

/** After the last moment at which a device was to come back elsewhere. */
const leaveGraceMs = 1_000;

const says: Readonly<Record<Standing, string | undefined>> = {
  whole: undefined,
  half: undefined,
  minority: 'it sees less than half of the nodes, and holds sends back',
  cutOff: 'it is cut off from NATS, and holds sends back',
  expelled: 'another process has its node id',
};

export function amongNodes(needs: AmongNeeds): AmongNodes {
  const { ports, system, edge, log } = needs;
  const { membership, router } = system;
  let hasJoined = ports.cluster === undefined;
  listen(needs);
  figures(needs);
  const move = (): void => edge.devices?.moveAll(needs.moveSpreadMs, ports.random, membership.elsewhere());
  const hasOthers = (): boolean => membership.describe().nodes.some(({ node, state }) => node !== membership.node && state === 'up');
  return {
    child: {
      name: 'membership',
      async start() {
        await membership.join();
        hasJoined = true;
        if (ports.cluster !== undefined) log.info({ node: membership.node, nodes: membership.describe().nodes.map(({ node }) => node) }, 'the node has joined');
      },
      async stop() {
        membership.leave();
        await router.link.close();
      },
    },
    reasons() {
      const says = hasJoined ? standingOf(system) : 'it has not joined the other nodes yet';
      return says === undefined ? [] : [says];
    },
    async drain() {
      membership.drain();
      move();
      if (hasOthers()) await edge.devices?.gone(needs.moveSpreadMs + leaveGraceMs);
    },
  };
}

function standingOf({ membership }: System): string | undefined {
  return says[membership.describe().standing];
}

function listen({ ports, system, edge, log, moveSpreadMs, isBalanced, gaveUp }: AmongNeeds): void {
  const { membership } = system;
  let standing = membership.describe().standing;
  membership.hear({
    changed() {
      const now = membership.describe();
      const nodes = now.nodes.map(({ node, state }) => (state === 'up' ? node : `${node} (${state})`));
      if (now.standing !== standing && says[now.standing] !== undefined) log.warn({ standing: now.standing, nodes }, 'the node holds sends back');
      else log.info({ standing: now.standing, nodes }, 'the view has changed');
      standing = now.standing;
    },
    heal: () => undefined,
    sendAway() {
      const urls = membership.elsewhere();
      // Without another address they would only come back here.
      if (urls.length === 0 && !isBalanced) return log.warn({}, 'devices would be better off elsewhere, but no other address is known');
      log.warn({ devices: system.kernel.awake('session') }, 'devices are sent to other nodes');
      edge.devices?.moveAll(moveSpreadMs, ports.random, urls);
    },
    twin(yields) {
      if (!yields) return log.error({ node: membership.node }, 'another process has this node id, and began later: it ends');
      gaveUp(new NodeIdTaken(`Another process is node "${membership.node}", and was so first. Give each node an id of its own (PARLEY_NODE).`));
    },
  });
}

function figures({ ports, system, metrics }: AmongNeeds): void {
  const { cluster } = ports;
  if (cluster === undefined) return;
  const { membership, router, heals } = system;
  let changes = 0;
  const nothing = (): void => undefined;
  membership.hear({ changed: () => void (changes += 1), heal: nothing, sendAway: nothing, twin: nothing });
  metrics.offer('view_changes_total', () => changes);
  metrics.offer('heals_total', () => heals.count);
  metrics.offer('forwards_total', () => router.counts.forwarded);
  metrics.offer('handed_over_total', () => router.counts.handedOver);
  metrics.gauge('nodes_seen', () => membership.describe().nodes.length);
  metrics.gauge('shards_owned', () => membership.describe().shards[membership.node] ?? 0);
  metrics.gauge('holds_sends', () => (membership.holds ? 1 : 0));
  const { link, store } = cluster;
  metrics.offer('link_messages_out_total', () => link()?.out.messages ?? 0);
  metrics.offer('link_bytes_out_total', () => link()?.out.bytes ?? 0);
  metrics.offer('link_envelopes_out_total', () => link()?.out.envelopes ?? 0);
  metrics.offer('link_left_out_total', () => link()?.out.leftOut ?? 0);
  metrics.offer('link_messages_in_total', () => link()?.in.messages ?? 0);
  metrics.offer('link_bytes_in_total', () => link()?.in.bytes ?? 0);
  metrics.offer('link_envelopes_in_total', () => link()?.in.envelopes ?? 0);
  metrics.offer('link_gaps_total', () => link()?.in.gaps ?? 0);
  metrics.offer('link_unreadable_total', () => (link()?.in.unreadable ?? 0) + (link()?.in.malformed ?? 0));
  metrics.offer('link_reconnects_total', () => link()?.reconnects ?? 0);
  metrics.gauge('link_waiting_bytes', () => link()?.waitingBytes ?? 0);
  metrics.gauge('link_subscriptions', () => link()?.subscriptions ?? 0);
  metrics.offer('unknown_outcomes_total', () => store().unknown);
  metrics.offer('resubmitted_total', () => store().resubmitted);
  metrics.offer('store_repeated_total', () => store().repeated);
  metrics.offer('serial_reads_total', () => store().serialReads);
}
