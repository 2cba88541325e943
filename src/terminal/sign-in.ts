// From a handle to a connected client: goes on with the log-in that is kept, or logs in, or makes an account.
import { type DeviceStorage, HttpRefused, NotLoggedIn, OtherAccount, Parley, ServerUnreachable, StorageInUse } from '../sdk/parley.ts';
import type { Arguments } from './arguments.ts';

/** How to ask a person; undefined where nobody sits. */
export interface Asking {
  password(question: string): Promise<string>;
  yes(question: string): Promise<boolean>;
}

export interface SignInNeeds {
  readonly given: Arguments;
  /** A new handle on the same folder each time. */
  readonly storage: () => DeviceStorage;
  readonly asking: Asking | undefined;
  readonly deviceName: string;
  readonly say: (text: string) => void;
}

/** It went no further; the message says what to do. */
export class CannotSignIn extends Error {}

const program = 'parley-terminal';

export async function signIn(needs: SignInNeeds): Promise<Parley> {
  const { given } = needs;
  try {
    return (await goOn(needs)) ?? (await logIn(needs));
  } catch (error) {
    if (error instanceof StorageInUse) throw new CannotSignIn(`Another terminal is open with ${given.folder}. Close it, or give this one another folder with --data.`);
    if (error instanceof OtherAccount) throw new CannotSignIn(`${error.message}. Give this account another folder with --data.`);
    if (error instanceof ServerUnreachable) throw new CannotSignIn(`${error.message}. Start one with npm start, or say where it is with --url.`);
    if (error instanceof HttpRefused) throw new CannotSignIn(error.message);
    throw error;
  }
}

/** With the tokens of last time; undefined when there are none, or they are good no more. */
async function goOn({ given, storage, say }: SignInNeeds): Promise<Parley | undefined> {
  let parley: Parley;
  try {
    parley = await Parley.open({ storage: storage(), program });
  } catch (error) {
    if (error instanceof NotLoggedIn) return undefined;
    throw error;
  }
  if (parley.handle !== given.handle || parley.url !== given.url) {
    const [handle, url] = [parley.handle, parley.url];
    await parley.close();
    throw new OtherAccount(`${given.folder} belongs to ${handle} at ${url}`);
  }
  if (await isGood(parley)) return parley;
  await parley.close();
  say('This device was logged out. Log in again.');
  return undefined;
}

/** Whether the server takes the tokens, or cannot be asked just now. */
function isGood(parley: Parley): Promise<boolean> {
  return new Promise((resolve) => {
    parley.on('connected', () => resolve(true));
    parley.on('disconnected', () => resolve(true));
    parley.on('stopped', () => resolve(false));
  });
}

async function logIn(needs: SignInNeeds): Promise<Parley> {
  const { given, storage, asking, deviceName, say } = needs;
  const password = given.password ?? (await asking?.password(`Password for ${given.handle} at ${given.url}: `));
  if (password === undefined) throw new CannotSignIn('No password: give one with --password, or set PARLEY_PASSWORD.');
  const credentials = { url: given.url, handle: given.handle, password, deviceName, program };
  try {
    return await Parley.logIn({ ...credentials, storage: storage() });
  } catch (error) {
    if (!(error instanceof HttpRefused && error.code === 'wrongPassword')) throw error;
  }
  // The server does not say whether there is such an account: making it does.
  if (asking !== undefined && !(await asking.yes(`No account ${given.handle} with this password. Make a new account?`))) throw new CannotSignIn('Not logged in.');
  try {
    const parley = await Parley.register({ ...credentials, storage: storage() });
    say(`Welcome, ${given.handle}. Your account is made.`);
    return parley;
  } catch (error) {
    if (error instanceof HttpRefused && error.code === 'handleTaken') throw new CannotSignIn(`There is an account ${given.handle}, and this is not its password.`);
    if (error instanceof OtherAccount) throw new CannotSignIn('Wrong password.');
    if (error instanceof HttpRefused && error.code === 'malformed')
      throw new CannotSignIn('Handle or password does not fit: a handle is 3–32 of a–z, 0–9, dot, underscore, hyphen; a password has 8 characters or more.');
    throw error;
  }
}
