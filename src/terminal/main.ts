// npm run chat: reads what it was told, signs in, and hands over to the app.
import { mkdirSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname } from 'node:path';
import { nodeStorage } from '../sdk/storage.node.ts';
import { App } from './app.ts';
import { type Arguments, BadArguments, readArguments, usage } from './arguments.ts';
import { askPassword, askYes } from './password.tty.ts';
import { pipeScreen } from './screen.pipe.ts';
import { ttyScreen } from './screen.tty.ts';
import { type Asking, CannotSignIn, signIn } from './sign-in.ts';

const { stdin, stdout, env } = process;
const isTerminal = stdin.isTTY === true && stdout.isTTY === true;

async function main(): Promise<number> {
  let given: Arguments | undefined;
  try {
    given = readArguments(process.argv.slice(2), { home: homedir(), password: env['PARLEY_PASSWORD'] });
  } catch (error) {
    if (!(error instanceof BadArguments)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    return 2;
  }
  if (given === undefined) {
    stdout.write(`${usage}\n`);
    return 0;
  }
  const { folder } = given;
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  mkdirSync(folder, { recursive: true, mode: 0o700 }); // tokens and messages: nobody else's business
  const asking: Asking = { password: (question) => askPassword(question, stdin, stdout), yes: (question) => askYes(question, stdin, stdout) };
  try {
    const parley = await signIn({
      given,
      storage: () => nodeStorage(folder),
      asking: isTerminal && given.password === undefined ? asking : undefined,
      deviceName: `Terminal on ${hostname()}`.slice(0, 64),
      say: (text) => void stdout.write(`${text}\n`),
    });
    const colours = isTerminal && (env['NO_COLOR'] ?? '') === '' && stdout.hasColors();
    const screen = isTerminal ? ttyScreen(stdin, stdout, colours) : pipeScreen(stdin, stdout);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => screen.close());
    const ok = await new App(parley, screen).run();
    screen.close();
    await parley.close();
    return ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof CannotSignIn)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main();
