// Sends that another node was given and has not answered yet. When that node goes, they are passed on again, once: their devices need not wait until they lose patience.
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
  /** In the order in which they were passed, with how often the device has asked meanwhile. */
  readonly #passed = new Map<string, Passed & { asks: number }>();
  /** Passed again. `owed`: answers that the device still waits for; another one, from a node that was thought gone, nobody has asked for. */
  readonly #again = new Map<string, { owed: number; mayRefuse: boolean }>();
  #bytes = 0;

  get size(): number {
    return this.#passed.size;
  }

  /** What a device asks goes to that node. Only sends are kept: what is read can be asked again by whoever wants it, and is not worth two answers. */
  pass(passed: Passed): void {
    const key = keyOfCommand(passed.command);
    if (key === undefined) return;
    const asks = this.#forget(key) + 1;
    this.#asked(key);
    this.#put(key, { ...passed, asks });
  }

  /** What was taken goes to another node. */
  passAgain(passed: Passed): void {
    const key = keyOfCommand(passed.command);
    if (key !== undefined) this.#put(key, { ...passed, asks: 0 });
  }

  /** It is served here: an answer to it is one that is wanted. */
  keep(command: ChatCommand): void {
    if (this.#isEmpty) return;
    const key = keyOfCommand(command);
    if (key === undefined) return;
    this.#forget(key);
    this.#asked(key);
  }

  /**
   * False for an answer that is one too many: two nodes have served the command. And for a refusal that may be of the node that was thought gone: what that one refused the next
   * may have stored. The device asks again, and is told what became of it.
   */
  answered(deviceId: DeviceId, frame: ToDevice): boolean {
    if (this.#isEmpty) return true;
    const key = keyOfAnswer(deviceId, frame);
    if (key === undefined) return true;
    const again = this.#again.get(key);
    if (again === undefined) {
      const passed = this.#passed.get(key);
      if (passed !== undefined) passed.asks -= 1;
      if (passed !== undefined && passed.asks <= 0) this.#forget(key);
      return true;
    }
    if (again.owed === 0 || (frame.kind === 'refused' && !again.mayRefuse)) return false;
    again.owed -= 1;
    if (again.owed === 0) this.#forget(key);
    return true;
  }

  /** Takes those that were given to nodes of which this is true, in order, to be passed on again. */
  take(isGone: (node: string) => boolean): readonly Passed[] {
    const taken: Passed[] = [];
    const gone = new Map<string, boolean>();
    for (const [key, passed] of this.#passed) {
      const { node, asks } = passed;
      if (!gone.has(node)) gone.set(node, isGone(node));
      if (!gone.get(node)) continue;
      this.#forget(key);
      if (asks === 0) continue; // not over and over while views change: the device asks again
      taken.push(passed);
      this.#again.set(key, { owed: this.#again.get(key)?.owed ?? asks, mayRefuse: false });
    }
    for (const oldest of this.#again.keys()) {
      if (this.#again.size <= inFlightMax.commands) break;
      this.#again.delete(oldest);
    }
    return taken;
  }

  get #isEmpty(): boolean {
    return this.#passed.size === 0 && this.#again.size === 0;
  }

  #put(key: string, passed: Passed & { asks: number }): void {
    this.#passed.set(key, passed);
    this.#bytes += bytesOf(passed);
    for (const oldest of this.#passed.keys()) {
      if (this.#passed.size <= inFlightMax.commands && this.#bytes <= inFlightMax.bytes) return;
      this.#forget(oldest);
    }
  }

  /** By the device, once more. */
  #asked(key: string): void {
    const again = this.#again.get(key);
    if (again === undefined) return;
    again.owed += 1;
    again.mayRefuse = true;
  }

  /** How often the device had asked. */
  #forget(key: string): number {
    const passed = this.#passed.get(key);
    if (passed === undefined) return 0;
    this.#bytes -= bytesOf(passed);
    this.#passed.delete(key);
    return passed.asks;
  }
}

function keyOfCommand(command: ChatCommand): string | undefined {
  switch (command.kind) {
    case 'post':
    case 'create':
    case 'change':
      return `${command.from.deviceId} ${command.number}`;
    default:
      return undefined;
  }
}

function keyOfAnswer(deviceId: DeviceId, frame: ToDevice): string | undefined {
  if (frame.kind === 'sent') return `${deviceId} ${frame.number}`;
  return frame.kind === 'refused' ? `${deviceId} ${frame.request}` : undefined;
}

function bytesOf({ command }: Passed): number {
  return overheadBytes + (command.kind === 'post' ? command.body.byteLength : 0);
}
