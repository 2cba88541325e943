// Asks on a terminal: a password without showing it, or yes or no.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';

export async function askPassword(question: string, input: ReadStream, output: WriteStream): Promise<string> {
  output.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  lines.on('SIGINT', () => {
    output.write('\n');
    process.exit(130);
  });
  const answer = await lines.question('');
  lines.close();
  output.write('\n');
  return answer;
}

export async function askYes(question: string, input: ReadStream, output: WriteStream): Promise<boolean> {
  const lines = createInterface({ input, output });
  const answer = await lines.question(`${question} [y/N] `);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}
