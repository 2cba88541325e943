// The frames of the plain `ws` server: a kind, a name padded with spaces, the rest.
export const kinds = { hello: 1, join: 2, toUser: 3, toRoom: 4 } as const;
export const nameBytes = 22;
