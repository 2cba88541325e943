// Loaded into a process of a fault test before anything else: TCP connections to an address go to another one instead, a proxy. The CQL driver finds its servers by what they say of each other.
import { Socket } from 'node:net';

/** `host:port` → port of a proxy on this machine: "127.0.0.1:9042=40001,127.0.0.2:9042=40002". */
const detours = new Map((process.env['TEST_DETOURS'] ?? '').split(',').map((pair) => pair.split('=')));
const straight = Socket.prototype.connect;

const around = (host, port) => Number(detours.get(`${host}:${port}`) ?? 0);

Socket.prototype.connect = function connect(...given) {
  const [first, second, ...others] = given;
  // net.connect hands over what it has understood, in a list; a socket of one's own is told a port and a host.
  const options = Array.isArray(first) ? first[0] : first;
  const isPlain = typeof options === 'number' || typeof options === 'string';
  const port = isPlain ? around(second, options) : around(options?.host, options?.port);
  if (port === 0) return straight.apply(this, given);
  if (isPlain) return straight.call(this, port, '127.0.0.1', ...others);
  const changed = { ...options, host: '127.0.0.1', port };
  if (!Array.isArray(first)) return straight.call(this, changed, ...given.slice(1));
  first[0] = changed;
  return straight.apply(this, given);
};
