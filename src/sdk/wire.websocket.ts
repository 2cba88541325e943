// A wire over the WebSocket that browsers and Node 22 have built in.
import { subprotocol } from '../protocol/version.ts';
import type { Dial } from './wire.ts';

/** `url` is asked for at each dialling, so that a server may move; `failed` hears that nobody answered. A device that came by TLS is never sent to where there is none. */
export function webSocketDial(url: () => string, failed: () => void = () => undefined): Dial {
  return ({ opened, received, closed }, to) => {
    const home = url();
    const socket = new WebSocket(to === undefined || (home.startsWith('wss:') && !to.startsWith('wss:')) ? home : to, subprotocol);
    let answered = false;
    socket.binaryType = 'arraybuffer';
    let over = false;
    const end = (code: number, reason: string): void => {
      if (over) return;
      over = true;
      if (!answered) failed();
      closed(code, reason);
    };
    socket.onopen = () => {
      answered = true;
      opened();
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (!over && data instanceof ArrayBuffer) received(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => end(code, reason);
    socket.onerror = () => end(1006, 'failed'); // in browsers a close follows; Node leaves it out where nobody listened
    return {
      send(bytes) {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>);
      },
      close() {
        socket.close();
        end(1006, 'closed here'); // the peer may be out of reach, and its close frame far away
      },
    };
  };
}
