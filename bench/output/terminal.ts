// News on a terminal or in a log: lines that stay, and, on a terminal only, one that changes.

export interface Screen {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
}

export class TerminalNews {
  readonly #screen: Screen;
  #standing = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  say(text: string): void {
    this.clear();
    this.#screen.write(`${text}\n`);
  }

  now(text: string): void {
    if (!this.#screen.isTTY) return;
    this.#screen.write(`\r\u001b[K${text.slice(0, Math.max(10, this.#screen.columns - 1))}`);
    this.#standing = true;
  }

  /** Takes the changing line away. */
  clear(): void {
    if (this.#standing) this.#screen.write('\r\u001b[K');
    this.#standing = false;
  }
}
