// Where the terminal client writes and what it reads: a terminal, or a pipe.

export interface ScreenEvents {
  line(text: string): void;
  /** The line that is being typed has changed. */
  edited(text: string): void;
  /** Nothing more will be typed. */
  end(): void;
}

export interface Screen {
  /** A terminal, whose last line is the one being typed. */
  readonly isTerminal: boolean;
  readonly hasColours: boolean;
  listen(events: ScreenEvents): void;
  print(line: string): void;
  /** Stands before the line that is being typed. */
  status(text: string): void;
  close(): void;
}
