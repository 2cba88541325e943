// A screen on a terminal: what comes in is written above the line that is being typed.
import { createInterface, cursorTo, emitKeypressEvents, moveCursor } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import type { Screen, ScreenEvents } from './screen.ts';

export function ttyScreen(input: ReadStream, output: WriteStream, hasColours: boolean): Screen {
  const lines = createInterface({ input, output, prompt: '> ', historySize: 100 });
  let events: ScreenEvents | undefined;
  let closed = false;
  /** How many rows of the terminal the line takes, with what stands before it. */
  const rowsOf = (text: string): number => Math.max(1, Math.ceil((stripVTControlCharacters(lines.getPrompt()).length + text.length) / Math.max(1, output.columns)));
  const above = (write: () => void): void => {
    const { rows } = lines.getCursorPos();
    moveCursor(output, 0, -rows);
    cursorTo(output, 0);
    output.clearScreenDown();
    write();
    if (!closed) lines.prompt(true);
  };
  emitKeypressEvents(input);
  input.on('keypress', () => setImmediate(() => closed || events?.edited(lines.line)));
  lines.on('line', (text) => {
    // What was typed is written again as what it became.
    moveCursor(output, 0, -rowsOf(text));
    cursorTo(output, 0);
    output.clearScreenDown();
    events?.line(text);
    if (!closed) lines.prompt();
  });
  lines.on('close', () => {
    if (closed) return;
    closed = true;
    output.write('\n');
    events?.end();
  });
  return {
    isTerminal: true,
    hasColours,
    listen(given) {
      events = given;
      lines.prompt();
    },
    print: (line) => (closed ? void output.write(`${line}\n`) : above(() => output.write(`${line}\n`))),
    status(text) {
      if (closed || text === lines.getPrompt()) return;
      above(() => lines.setPrompt(text));
    },
    close() {
      if (closed) return;
      closed = true;
      moveCursor(output, 0, -lines.getCursorPos().rows);
      cursorTo(output, 0);
      output.clearScreenDown();
      lines.close();
    },
  };
}
