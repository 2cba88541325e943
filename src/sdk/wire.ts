// One socket as the client sees it, whatever library or simulator stands behind.

export interface WireEvents {
  /** Frames may be sent from now on. */
  opened(): void;
  /** One binary message. */
  received(bytes: Uint8Array): void;
  /** The wire is gone, whoever closed it; nothing comes after. 1006 where no close frame came. */
  closed(code: number, reason: string): void;
}

export interface Wire {
  /** Before `opened` and after the end nothing happens. */
  send(bytes: Uint8Array): void;
  close(): void;
}

/** Begins to open a wire. Never calls back before it returns. `to`: where the server has sent this device; left out: where it always is. */
export type Dial = (events: WireEvents, to?: string) => Wire;
