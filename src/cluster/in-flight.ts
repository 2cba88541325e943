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

type Send = Extract<ChatCommand, { readonly number: number }>;

interface Kept extends Passed {
  readonly command: Send;
  /** How often the device has asked meanwhile. */
  asks: number;
  /** Rising from one to the next. */
  readonly nth: number;
}

export class InFlight {
  /** By device, of which each has one or two, at most as many as may be in flight: names made of device and number would cost more than all the rest. */
  readonly #passed = new Map<DeviceId, Kept[]>();
  /** Passed again, by device and number. `owed`: answers that the device still waits for; another one, from a node that was thought gone, nobody has asked for. */
  readonly #again = new Map<string, { owed: number; mayRefuse: boolean }>();
  #size = 0;
  #bytes = 0;
  #nth = 0;

  get size(): number {
    return this.#size;
  }

  /** What a device asks goes to that node. Only sends are kept: what is read can be asked again by whoever wants it, and is not worth two answers. */
  pass(passed: Passed): void {
    const { command } = passed;
    if (!isSend(command)) return;
    const asks = this.#forget(command.from.deviceId, command.number) + 1;
    this.#asked(command);
    this.#put(passed, command, asks);
  }

  /** What waited here goes to that node, since the chat has moved: its device has not asked once more. */
  moves(passed: Passed): void {
    const { command } = passed;
    if (isSend(command)) this.#put(passed, command, this.#forget(command.from.deviceId, command.number) + 1);
  }

  /** What was taken goes to another node. */
  passAgain(passed: Passed): void {
    if (isSend(passed.command)) this.#put(passed, passed.command, 0);
  }

  /** It is served here: an answer to it is one that is wanted. */
  keep(command: ChatCommand): void {
    if (this.#isEmpty || !isSend(command)) return;
    this.#forget(command.from.deviceId, command.number);
    this.#asked(command);
  }

  /**
   * False for an answer that is one too many: two nodes have served the command. And for a refusal that may be of the node that was thought gone: what that one refused the next
   * may have stored. The device asks again, and is told what became of it.
   */
  answered(deviceId: DeviceId, frame: ToDevice): boolean {
    if (this.#isEmpty) return true;
    const number = frame.kind === 'sent' ? frame.number : frame.kind === 'refused' ? frame.request : undefined;
    if (number === undefined) return true;
    const again = this.#again.size === 0 ? undefined : this.#again.get(keyOf(deviceId, number));
    if (again === undefined) {
      const passed = this.#passed.get(deviceId)?.find(({ command }) => command.number === number);
      if (passed !== undefined) passed.asks -= 1;
      if (passed !== undefined && passed.asks <= 0) this.#forget(deviceId, number);
      return true;
    }
    if (again.owed === 0 || (frame.kind === 'refused' && !again.mayRefuse)) return false;
    again.owed -= 1;
    if (again.owed === 0) this.#forget(deviceId, number);
    return true;
  }

  /** Takes those that were given to nodes of which this is true, in order, to be passed on again. */
  take(isGone: (node: string) => boolean): readonly Passed[] {
    const taken: Passed[] = [];
    const gone = new Map<string, boolean>();
    const inOrder = [...this.#passed.values()].flat().sort((one, other) => one.nth - other.nth);
    for (const { node, chatId, command, asks } of inOrder) {
      if (!gone.has(node)) gone.set(node, isGone(node));
      if (!gone.get(node)) continue;
      this.#forget(command.from.deviceId, command.number);
      if (asks === 0) continue; // not over and over while views change: the device asks again
      taken.push({ node, chatId, command });
      const key = keyOf(command.from.deviceId, command.number);
      this.#again.set(key, { owed: this.#again.get(key)?.owed ?? asks, mayRefuse: false });
    }
    for (const oldest of this.#again.keys()) {
      if (this.#again.size <= inFlightMax.commands) break;
      this.#again.delete(oldest);
    }
    return taken;
  }

  get #isEmpty(): boolean {
    return this.#size === 0 && this.#again.size === 0;
  }

  #put({ node, chatId }: Passed, command: Send, asks: number): void {
    const { deviceId } = command.from;
    this.#nth += 1;
    const kept = { node, chatId, command, asks, nth: this.#nth };
    const others = this.#passed.get(deviceId);
    if (others === undefined) this.#passed.set(deviceId, [kept]);
    else others.push(kept);
    this.#size += 1;
    this.#bytes += bytesOf(command);
    while (this.#size > inFlightMax.commands || this.#bytes > inFlightMax.bytes) {
      const [first] = this.#passed.values().next().value ?? []; // of the device that has had some for the longest time
      if (first === undefined) return;
      this.#forget(first.command.from.deviceId, first.command.number);
    }
  }

  /** By the device, once more. */
  #asked({ from, number }: Send): void {
    const again = this.#again.size === 0 ? undefined : this.#again.get(keyOf(from.deviceId, number));
    if (again === undefined) return;
    again.owed += 1;
    again.mayRefuse = true;
  }

  /** How often the device had asked. */
  #forget(deviceId: DeviceId, number: number): number {
    const some = this.#passed.get(deviceId);
    if (some === undefined) return 0;
    const at = some.findIndex(({ command }) => command.number === number);
    const passed = some[at];
    if (passed === undefined) return 0;
    if (some.length === 1) this.#passed.delete(deviceId);
    else some.splice(at, 1);
    this.#size -= 1;
    this.#bytes -= bytesOf(passed.command);
    return passed.asks;
  }
}

function isSend(command: ChatCommand): command is Send {
  return command.kind === 'post' || command.kind === 'create' || command.kind === 'change';
}

function keyOf(deviceId: DeviceId, number: number): string {
  return `${deviceId} ${number}`;
}

function bytesOf(command: Send): number {
  return overheadBytes + (command.kind === 'post' ? command.body.byteLength : 0);
}
