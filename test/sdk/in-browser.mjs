// What runs in the browser: the storage contract against IndexedDB, and the SDK itself. Bundled by browser.test.ts, which says what each function is given (InBrowser);
// JavaScript, because the tests are checked with the types of Node and this needs the browser's.
import { Parley } from '../../src/sdk/parley.ts';
import { indexedDbStorage } from '../../src/sdk/storage.indexeddb.ts';
import { StorageInUse } from '../../src/sdk/storage.ts';
import { storagePromises } from './storage.contract.ts';

const check = {
  deepEqual(actual, expected) {
    if (plain(actual) !== plain(expected)) throw new Error(`expected ${plain(expected)}, but got ${plain(actual)}`);
  },
  async rejects(promise, like) {
    const error = await promise.then(
      () => undefined,
      (one) => one,
    );
    if (!(error instanceof like)) throw new Error(`expected ${like.name}, but got ${String(error)}`);
  },
};

/** Keys in order of their names, bytes as numbers. */
function plain(value) {
  return JSON.stringify(value, (_key, inner) => {
    if (inner instanceof Uint8Array) return [...inner];
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

export async function keepPromise(at) {
  await storagePromises[at].run({ storage: () => indexedDbStorage(`contract ${at}`), remove: async () => undefined }, check);
}

let parley;
let texts = [];

export async function register(url, handle, password) {
  hear(await Parley.register({ url, handle, password, storage: indexedDbStorage(handle) }));
}

export async function open(handle, whenInUse = 'reject') {
  try {
    hear(await Parley.open({ storage: indexedDbStorage(handle, { whenInUse }) }));
    return 'open';
  } catch (error) {
    if (error instanceof StorageInUse) return 'inUse';
    throw error;
  }
}

function hear(opened) {
  parley = opened;
  texts = [];
  opened.on('message', ({ text }) => texts.push(text));
}

export async function say(handle, text) {
  return (await (await parley.directChat(handle)).send(text)).seq;
}

/** Written and kept, but not waited for until it is sent. */
export async function write(handle, text) {
  const chat = await parley.directChat(handle);
  void chat.send(text);
  await chat.history(); // reads behind the write
}

export async function seen(handle) {
  const { entries } = await (await parley.directChat(handle)).history();
  return entries.map(({ contentType, body }) => (contentType === 'text/plain' ? new TextDecoder().decode(body) : '*'));
}

/** Resolves once this stands in the chat. */
export async function sees(handle, text) {
  await new Promise((resolve, reject) => {
    const look = () => seen(handle).then((texts) => texts.includes(text) && resolve(), reject);
    parley.on('entry', look);
    void look();
  });
}

export function heard() {
  return texts;
}

export async function close() {
  await parley.close();
}
