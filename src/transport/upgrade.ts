// Who may open a socket: the answer to an HTTP request on the socket port, decided the same way whatever library serves it.
import type { SocketServerOptions } from './server.ts';

/** The request is not upgraded but answered with this. */
export interface Denied {
  readonly status: 400 | 403 | 426 | 503;
  /** The words beside the number in the status line. */
  readonly title: string;
  /** For the person who writes the client. */
  readonly says: string;
  /** One header of its own: name and value. */
  readonly header?: readonly [name: string, value: string];
}

export interface UpgradeRules {
  readonly origins: ReadonlySet<string> | '*';
  readonly subprotocol: string;
  readonly connectionsMax: number;
}

export interface UpgradeRequest {
  /** '' when there is none: not a browser. */
  readonly origin: string;
  /** The Sec-WebSocket-Protocol header; '' when there is none. */
  readonly offered: string;
  readonly connections: number;
  readonly accepting: boolean;
}

/** How long a device that found the server full should wait. */
export const retryAfterSeconds = 5;

export const plainHttp: Denied = {
  status: 426,
  title: 'Upgrade Required',
  says: 'This port speaks WebSocket only.',
  header: ['Upgrade', 'websocket'],
};

/** Open, or waiting for their turn. */
export const tooMany: Denied = {
  status: 503,
  title: 'Service Unavailable',
  says: 'This server takes no more connections now.',
  header: ['Retry-After', String(retryAfterSeconds)],
};

export function upgradeRules({ origins, subprotocol, connectionsMax }: SocketServerOptions): UpgradeRules {
  // Browsers send scheme and host in lower case; people who configure do not always.
  return { origins: origins === '*' ? '*' : new Set(origins.map((origin) => origin.toLowerCase())), subprotocol, connectionsMax };
}

/** Undefined: welcome. */
export function denied(rules: UpgradeRules, { origin, offered, connections, accepting }: UpgradeRequest): Denied | undefined {
  if (origin !== '' && rules.origins !== '*' && !rules.origins.has(origin.toLowerCase())) {
    return { status: 403, title: 'Forbidden', says: 'Pages of this origin may not connect here.' };
  }
  if (offered !== rules.subprotocol && !offered.split(',').some((name) => name.trim() === rules.subprotocol)) {
    return { status: 400, title: 'Bad Request', says: `Offer the WebSocket subprotocol ${rules.subprotocol}.` };
  }
  if (!accepting || connections >= rules.connectionsMax) return tooMany;
  return undefined;
}

/** An IPv4 address that came mapped into IPv6, in its own form; any other as it is. */
export function addressText(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** The same from the 4 or 16 bytes of an address; '' for none. */
export function addressTextOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (mapped) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1); // shortens as RFC 5952 wants
}
