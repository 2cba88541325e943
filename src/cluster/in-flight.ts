// Commands that another node was given and has not answered yet. When that node goes, they are passed on again: their devices need not wait until they lose patience.
import type { ChatCommand } from '../core/chat.ts';
import type { ToDevice } from '../protocol/codec.ts';
import type { ChatId, DeviceId } from '../structures/ids.ts';

export interface Passed {
  readonly node: string;
  readonly chatId: ChatId;
  readonly command: ChatCommand;
}

/** Beyond these the oldest are forgotten; their devices ask again by themselves. */
export const inFlightMax = { commands: 20_000, bytes: 16 * 1024 * 1024 } as const;

/** A command beside its body. */
const overheadBytes = 256;

export class InFlight {
  /** In the order in which they were passed. */
  readonly #passed = new Map<string, Passed>();
  /** Passed more than once: what is answered here a second time, nobody has asked for. */
  readonly #again = new Set<string>();
  #bytes = 0;

  get size(): number {
    return this.#passed.size;
  }

  /** A command that nobody has to answer is not kept. */
  pass(passed: Passed): void {
    const key = keyOfCommand(passed.command);
    if (key === undefined) return;
    this.#forget(key);
    this.#passed.set(key, passed);
    this.#bytes += bytesOf(passed);
    for (const oldest of this.#passed.keys()) {
      if (this.#passed.size <= inFlightMax.commands && this.#bytes <= inFlightMax.bytes) return;
      this.#forget(oldest);
    }
  }

  /** It is served here: an answer to it is one that is wanted. */
  keep(command: ChatCommand): void {
    const key = keyOfCommand(command);
    if (key === undefined) return;
    this.#forget(key);
    this.#again.delete(key);
  }

  /** False for an answer that has come before: two nodes have served the command. */
  answered(deviceId: DeviceId, frame: ToDevice): boolean {
    const key = keyOfAnswer(deviceId, frame);
    if (key === undefined || this.#forget(key)) return true;
    return !this.#again.has(key);
  }

  /** Takes those that were given to nodes of which this is true, in order, to be passed on again. */
  take(isGone: (node: string) => boolean): readonly Passed[] {
    const taken: Passed[] = [];
    const gone = new Map<string, boolean>();
    for (const [key, passed] of this.#passed) {
      const { node } = passed;
      if (!gone.has(node)) gone.set(node, isGone(node));
      if (!gone.get(node)) continue;
      taken.push(passed);
      this.#forget(key);
      this.#again.add(key);
    }
    for (const oldest of this.#again) {
      if (this.#again.size <= inFlightMax.commands) break;
      this.#again.delete(oldest);
    }
    return taken;
  }

  #forget(key: string): boolean {
    const passed = this.#passed.get(key);
    if (passed === undefined) return false;
    this.#bytes -= bytesOf(passed);
    return this.#passed.delete(key);
  }
}

/** Send numbers and request ids are drawn from one row as far as an answer goes: a device has one open under each. */
function keyOfCommand(command: ChatCommand): string | undefined {
  switch (command.kind) {
    case 'post':
    case 'create':
    case 'change':
      return `${command.from.deviceId} ${command.number}`;
    case 'pull':
    case 'history':
    case 'getMembers':
      return `${command.from.deviceId} ${command.request}`;
    default:
      return undefined;
  }
}

function keyOfAnswer(deviceId: DeviceId, frame: ToDevice): string | undefined {
  if (frame.kind === 'sent') return `${deviceId} ${frame.number}`;
  return 'request' in frame ? `${deviceId} ${frame.request}` : undefined;
}

function bytesOf({ command }: Passed): number {
  return overheadBytes + (command.kind === 'post' ? command.body.byteLength : 0);
}
