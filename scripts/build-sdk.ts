// Builds the SDK as a package of its own, JavaScript with types, into dist/sdk (or the folder that is named). Node does not strip types under node_modules, so it is published built. `npm run build:sdk`.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');

interface PackageFile {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Files that a program imports, by the name under which it does. */
const entries = { '.': 'sdk/parley', './node': 'sdk/storage.node', './browser': 'sdk/storage.indexeddb' } as const;

/** Replaces what is there. Throws when the SDK does not compile. */
export function buildSdk(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Each with the types of where it runs.
  compile(folder, [entries['.'], entries['./browser']], ['--lib', 'es2023,esnext.disposable,dom,dom.iterable', '--types', '']);
  compile(folder, [entries['./node']], ['--lib', 'es2023,esnext.disposable', '--types', 'node']);
  renameImportsOfTypes(folder);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageFile(), null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}

function compile(folder: string, files: readonly string[], where: readonly string[]): void {
  const options = [
    ...['--outDir', folder, '--rootDir', join(root, 'src'), '--declaration', '--rewriteRelativeImportExtensions', '--target', 'es2023', '--module', 'nodenext'],
    ...['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--verbatimModuleSyntax', '--skipLibCheck', '--ignoreConfig'],
  ];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, ...options, ...where, ...files.map((file) => join(root, 'src', `${file}.ts`))], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** The compiler rewrites `.ts` in the JavaScript only; in declarations not every reader of types follows it. */
function renameImportsOfTypes(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/((?:from|import\() ?['"]\.{1,2}\/[^'"]+)\.ts(['"])/g, '$1.js$2'));
  }
}

function packageFile(): object {
  const { version, license, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageFile;
  const pinned = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, dependencies[name]]));
  return {
    name: 'parley-sdk',
    version,
    description: 'Client for Parley, a messaging system that a team can run itself. Browser and Node.',
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=22' },
    exports: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, { types: `./${file}.d.ts`, default: `./${file}.js` }])),
    dependencies: pinned('@msgpack/msgpack', '@noble/hashes', 'idb'),
    // Native code, which only the storage for Node needs.
    peerDependencies: pinned('classic-level'),
    peerDependenciesMeta: { 'classic-level': { optional: true } },
  };
}

const readme = `# parley-sdk

\`\`\`js
import { Parley } from 'parley-sdk';
import { nodeStorage } from 'parley-sdk/node'; // npm install classic-level; in the browser: indexedDbStorage from 'parley-sdk/browser'

const ann = await Parley.logIn({ url: 'http://127.0.0.1:8081', handle: 'ann', password: '…', storage: nodeStorage('./ann') });
ann.on('message', ({ text, chat }) => console.log(text, chat.chatId));
const chat = await ann.directChat('bob');
await chat.send('hello'); // resolves when it is durable on the server
\`\`\`

What you send is kept in the storage first and goes out in order, once, also after a lost connection or a restart; what comes is told in order, once.
Next time \`Parley.open({ storage })\` goes on without the password. Without a storage everything is kept in memory.
`;

if (process.argv[1] === import.meta.filename) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist/sdk'));
  buildSdk(folder);
  process.stdout.write(`The SDK is built in ${folder}\n`);
}
