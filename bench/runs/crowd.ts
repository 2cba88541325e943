// Many devices of one target: connected a few at a time, kept alive, let go together.
import { Device, DeviceFailed } from '../generator/device.ts';
import type { Target } from '../targets/target.ts';

const inFlightMax = 64;
const keepAliveMs = 1_000;
const heartbeatShare = 0.5; // of what the server wants at least

export class Crowd {
  readonly devices: readonly Device[];
  readonly #target: Target;
  readonly #timer: NodeJS.Timeout;

  private constructor(target: Target, devices: readonly Device[]) {
    this.#target = target;
    this.devices = devices;
    this.#timer = setInterval(() => this.#keepAlive(), keepAliveMs).unref();
  }

  /** The first `count` accounts of the target. Throws DeviceFailed. */
  static async connect(target: Target, count: number): Promise<Crowd> {
    if (target.accounts.length < count) throw new DeviceFailed(`the scenario needs ${count} accounts, the target has ${target.accounts.length}`);
    const devices: Device[] = [];
    await eachOf(target.accounts.slice(0, count), inFlightMax, async (account, at) => {
      devices[at] = await Device.connect(target.endpointOf?.(at) ?? target.endpoint, account);
    });
    return new Crowd(target, devices);
  }

  /** Why the crowd is no longer whole; undefined while it is. */
  brokenWhy(): string | undefined {
    const server = this.#target.endedWhy();
    if (server !== undefined) return `the server is gone: ${server}`;
    const gone = this.devices.find((device) => device.endedWhy !== undefined);
    return gone && `a connection ended: ${gone.endedWhy}`;
  }

  leave(): void {
    clearInterval(this.#timer);
    for (const device of this.devices) device.destroy();
  }

  #keepAlive(): void {
    const nowMs = performance.now();
    for (const device of this.devices) if (nowMs - device.wroteAtMs > device.heartbeatMs * heartbeatShare) device.tell({ kind: 'ping', request: device.nextRequest() });
  }
}

/** Runs `job` for each item, at most `inFlight` at a time. The first failure ends it. */
export async function eachOf<Item>(items: readonly Item[], inFlight: number, job: (item: Item, at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      await job(items[at] as Item, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, items.length) }, worker));
}
