// A screen on pipes, for scripts: lines in, lines out, nothing else.
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Screen } from './screen.ts';

export function pipeScreen(input: Readable, output: Writable): Screen {
  const lines = createInterface({ input, terminal: false });
  return {
    isTerminal: false,
    hasColours: false,
    listen(events) {
      lines.on('line', (text) => events.line(text));
      lines.on('close', () => events.end());
    },
    print: (line) => void output.write(`${line}\n`),
    status: () => undefined,
    close: () => lines.close(),
  };
}
