// The published form: built, packed, installed in a folder of its own, and used from JavaScript and from TypeScript.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildSdk } from '../../scripts/build-sdk.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-package-'));
  buildSdk(join(folder, 'built'));
  install(join(folder, 'built'), join(folder, 'program/node_modules/parley-sdk'));
});
after(() => rmSync(folder, { recursive: true }));

/** As npm would from the packed file; the packages that it needs are the ones that are here already. */
function install(built: string, into: string): void {
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: built, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as {
    filename: string;
  }[];
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, packed?.filename ?? ''), '--strip-components=1', '-C', into]);
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(into, 'package.json'), 'utf8'));
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(dirname(into), name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
}

test('JavaScript imports it: the entry, and the storage for Node', () => {
  const program = join(folder, 'program/use.mjs');
  writeFileSync(
    program,
    `import { Parley, ServerUnreachable, memoryStorage, createClient } from 'parley-sdk';
import { nodeStorage } from 'parley-sdk/node';
const storage = nodeStorage(${JSON.stringify(join(folder, 'kept'))});
const error = await Parley.logIn({ url: 'http://127.0.0.1:9', handle: 'ann', password: 'x', storage }).catch((error) => error);
const kept = await storage.open().catch((error) => error.message);
console.log(JSON.stringify([error instanceof ServerUnreachable, typeof createClient, memoryStorage().entriesPerChatMax > 0, kept.lastNumber]));
`,
  );
  const said = execFileSync(process.execPath, [program], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(said), [true, 'function', true, 0]);
});

test('TypeScript finds its types, and they are right and wrong where they should be', () => {
  const program = join(folder, 'program/use.mts');
  const compile = (text: string): string => {
    writeFileSync(program, text);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable,dom,dom.iterable', '--types', '', '--ignoreConfig'];
    try {
      execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, program], { encoding: 'utf8' });
      return '';
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  const use = (text: string): string =>
    compile(`import { Parley, type Message } from 'parley-sdk';\nimport { indexedDbStorage } from 'parley-sdk/browser';\n${text}\nexport {};\n`);
  const good = `const ann = await Parley.open({ storage: indexedDbStorage('ann') });
ann.on('message', ({ text, chat, seq }: Message) => void chat.read(seq).then(() => text.toUpperCase()));
const { seq } = await (await ann.directChat('bob')).send('hello');
const more: number = seq;
export { more };`;
  assert.equal(use(good), '');
  assert.match(use(good.replace("'message'", "'massage'")), /massage/);
  assert.match(use(good.replace('const more: number', 'const more: string')), /not assignable to type 'string'/);
});

test('nothing but JavaScript, its types and what describes it is in the package', () => {
  const files = readdirSync(join(folder, 'program/node_modules/parley-sdk'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.') || name === 'LICENSE');
  assert.deepEqual(files.filter((name) => !/\.(?:js|d\.ts)$/.test(name)).sort(), ['LICENSE', 'README.md', 'package.json']);
  assert.ok(files.every((name) => !name.endsWith('.ts') || name.endsWith('.d.ts')));
});
