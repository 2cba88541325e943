// What a node tells its log and its metrics: no id of a chat, no body, no token.
import type { KernelEvent } from './actors/runtime/events.ts';
import type { TreeEvent } from './actors/runtime/tree.nact.ts';
import type { Observe, System } from './system.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { SocketServer } from './transport/server.ts';

export function observing(metrics: Metrics, hear: (event: KernelEvent) => void): Observe {
  return {
    counts: metrics.counts,
    batch: (entries) => metrics.batch(entries),
    committed: (tookMs) => metrics.committed(tookMs),
    refused: (why) => metrics.refused(why),
    event: hear,
  };
}

/** Figures that are read when asked for. */
export function gauges(metrics: Metrics, { kernel, admission, lagging }: System, transport: string, server: () => SocketServer | undefined): void {
  metrics.transport(transport);
  metrics.counter('commands', () => kernel.counts.commands);
  metrics.counter('givenBack', () => kernel.counts.givenBack);
  metrics.counter('superseded', () => kernel.counts.superseded);
  metrics.counter('crashes', () => kernel.counts.crashes);
  metrics.counter('woken', () => kernel.counts.woken);
  metrics.counter('passivated', () => kernel.counts.passivated);
  metrics.gauge('lagging_devices', lagging);
  metrics.counter('notAdmitted', () => admission.counts.refused);
  metrics.gauge('admission_waiting', () => admission.waiting);
  metrics.gauge('sessions', () => kernel.awake('session'));
  metrics.gauge('connections', () => server()?.connections() ?? 0);
  metrics.gauge('chats_awake', () => kernel.awake('chat'));
  metrics.gauge('audiences_awake', () => kernel.awake('audience'));
  metrics.gauge('mailbox_fullest', () => kernel.fullestMailbox());
  metrics.gauge('quarantined', () => kernel.inQuarantine('chat'));
}

export function tellOfEntities(log: Log, events: readonly KernelEvent[], missed: number): void {
  for (const event of events) {
    switch (event.kind) {
      case 'crashed':
        log.error({ actor: event.actor, where: event.where, err: event.error }, 'an entity crashed and is loaded anew');
        break;
      case 'quarantined':
        log.error({ actor: event.actor, id: event.id, err: event.error }, 'an entity crashed too often and refuses writes');
        break;
      case 'unavailable':
        log.warn({ actor: event.actor, retryMs: event.retryMs, err: event.error }, 'an entity cannot be loaded');
        break;
      case 'abandoned':
        log.warn({ actor: event.actor }, 'an entity was abandoned at the stop');
        break;
      default:
        log.trace({ event: event.kind, actor: event.actor }, 'entity');
    }
  }
  if (missed > 0) log.warn({ missed }, 'more notices of entities than the log takes');
}

export function tellOfTree(log: Log, event: TreeEvent, gaveUp: (error: unknown) => void): void {
  switch (event.kind) {
    case 'started':
    case 'stopped':
      return log.debug({ part: event.child }, event.kind);
    case 'failed':
      return log.error({ part: event.child, err: event.error, restartInMs: event.restartInMs }, 'a part failed and is restarted');
    case 'stopFailed':
      return log.error({ part: event.child, err: event.error }, 'a part failed to stop');
    case 'gaveUp':
      log.fatal({ part: event.child, err: event.error }, 'a part failed too often');
      return gaveUp(event.error);
  }
}
