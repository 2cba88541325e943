// Which protocol this is.

/** The WebSocket subprotocol; the number in `hello` says which frames the device knows. */
export const subprotocol = 'parley.v1';
export const protocolVersion = 1;
