// Nodes on a real nats-server.
import type { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import { systemClock } from '../../src/actors/runtime/clock.ts';
import { NatsLink } from '../../src/cluster/link.nats.ts';
import { connectToNats } from '../../src/cluster/link-connect.nats.ts';
import type { LinkOptions } from '../../src/cluster/link-settings.ts';
import type { Clock, Random } from '../../src/structures/clock.ts';
import { Ears, type Meeting, type Member } from './nodes.ts';

export const plain: Omit<LinkOptions, 'servers'> = { login: { by: 'nothing' }, tls: undefined, prefix: 'test', pendingBytesMax: 32 * 1024 * 1024 };

let lives = 0;

export class NatsMeeting implements Meeting {
  readonly #url: string;
  readonly #options: Omit<LinkOptions, 'servers'>;
  readonly #members: Member[] = [];

  constructor(url: string, options: Partial<LinkOptions> = {}) {
    this.#url = url;
    this.#options = { ...plain, ...options };
  }

  async join(node: string, own: { readonly url?: string; readonly clock?: Clock; readonly random?: Random } = {}): Promise<Member<NatsLink>> {
    const { url = this.#url, clock = systemClock(), random = () => 0 } = own;
    const ears = new Ears();
    const options = { ...this.#options, servers: [url] };
    const connection = await connectToNats(options, node, random);
    lives += 1;
    const { prefix, pendingBytesMax } = options;
    const link = new NatsLink({ connection, node, life: lives, prefix, pendingBytesMax, clock, random, receiver: ears, events: ears, onFault: (fault) => ears.fault(fault) });
    const member = { link, ears };
    this.#members.push(member);
    await link.flush(); // from here on the server knows what it wants to hear
    return member;
  }

  /** A node whose way to the server a test can cut. */
  async joinBy(proxy: TcpProxy, node: string): Promise<Member<NatsLink>> {
    return this.join(node, { url: `nats://127.0.0.1:${proxy.port}` });
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(({ link }) => link.close()));
  }
}
