// The tree keeps its own rules (test/tidy/rules.ts), and the rules find what they are there to find.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { old } from './tidy/old.ts';
import { faultsOf, type Old } from './tidy/rules.ts';
import { bareCode, functionsOf } from './tidy/source.ts';

const root = join(import.meta.dirname, '..');

/** The texts of everything that people write here, by path from the root. */
function tree(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !/^(?:node_modules|dist|coverage|\..*)$/.test(entry.name)) walk(path);
      else if (entry.isFile() && /\.(?:ts|mjs|md)$/.test(entry.name)) files.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  walk('');
  return files;
}

test('the tree is tidy', () => {
  const files = tree();
  assert.ok(files.size > 50, `only ${files.size} files seen`);
  assert.deepEqual(faultsOf(files, old), []);
});

const filler = (lines: number): string => 'const a = 1;\n'.repeat(lines);

/** The faults of one file alone. */
function faults(path: string, text: string, ratchet: Old = {}): readonly string[] {
  return faultsOf(new Map([[path, text]]), ratchet);
}

test('a clean file has no faults', () => {
  assert.deepEqual(faults('src/core/chat.ts', "// The rules of one chat.\nimport type { Entry } from '../protocol/messages.ts';\nexport const a = 1;\n"), []);
});

const planted: readonly (readonly [rule: string, path: string, text: string, expected: RegExp])[] = [
  ['core knows no store', 'src/core/chat.ts', "// c\nimport { x } from '../store/messages.ts';\n", /chat\.ts:2: imports .* core may know only: protocol, structures/],
  ['actors and services are strangers', 'src/actors/chat.ts', "// c\nimport { x } from '../services/auth.ts';\n", /actors may know only/],
  ['a type import counts too', 'src/core/chat.ts', "// c\nimport type { x } from '../actors/chat.ts';\n", /core may know only/],
  ['a dynamic import counts too', 'src/core/chat.ts', "// c\nexport const x = () => import('../actors/chat.ts');\n", /core may know only/],
  ['a re-export counts too', 'src/core/chat.ts', "// c\nexport { x } from '../actors/chat.ts';\n", /core may know only/],
  ['an unknown folder', 'src/stuff/chat.ts', '// c\n', /src\/stuff is not in the import map/],
  ['an implementation from another folder', 'src/actors/chat.ts', "// c\nimport { x } from '../store/messages.level.ts';\n", /an implementation\. Import the port/],
  ['an implementation from beside it', 'src/store/messages.ts', "// c\nimport { x } from './messages.level.ts';\n", /an implementation/],
  ['wiring is not imported', 'src/services/auth.ts', "// c\nimport { x } from '../config.ts';\n", /a wiring file/],
  ['src imports no tests', 'src/core/chat.ts', "// c\nimport { x } from '../../test/sim/clock.ts';\n", /outside of src/],
  ['a driver in a file without technology', 'src/store/messages.ts', "// c\nimport { ClassicLevel } from 'classic-level';\n", /a driver or an I\/O module/],
  ['files in a file without technology', 'src/services/media.ts', "// c\nimport { open } from 'node:fs';\n", /a driver or an I\/O module/],
  ['the clock in core', 'src/core/chat.ts', '// c\nexport const a = Date.now();\n', /chat\.ts:2: Date\.now touches the clock/],
  ['the clock in a template', 'src/core/chat.ts', '// c\nexport const a = `${{ a: Date.now() }.a}`;\n', /the clock/],
  ['the clock, by construction', 'src/services/auth.ts', '// c\nexport const a = new Date();\n', /the clock/],
  ['a timer in an actor', 'src/actors/chat.ts', '// c\nsetTimeout(() => {}, 1);\n', /a timer/],
  ['randomness in the protocol', 'src/protocol/codec.ts', '// c\nexport const a = Math.random();\n', /randomness/],
  ['the process in a structure', 'src/structures/ring.ts', '// c\nexport const a = process.pid;\n', /the process/],
  ['the console in transport', 'src/transport/websocket.ts', "// c\nconsole.log('x');\n", /the console/],
  ['a banned file name', 'src/core/utils.ts', '// c\n', /"utils" says nothing/],
  ['a banned folder name', 'test/helpers/chat.ts', '// c\n', /"helpers" says nothing/],
  ['a barrel', 'src/core/index.ts', '// c\n', /"index" says nothing/],
  ['a name in another case', 'src/core/chatRoom.ts', '// c\n', /kebab-case/],
  ['a default export', 'src/core/chat.ts', '// c\nexport default 1;\n', /named exports only/],
  ['an enum', 'src/core/chat.ts', '// c\nexport enum A { b }\n', /no enum/],
  ['a namespace', 'src/core/chat.ts', '// c\nnamespace A {}\n', /no namespace/],
  ['no first line', 'bench/main.ts', 'export const a = 1;\n', /the first line says what the file is for/],
  ['something left undone', 'docs/plan.md', `Later. ${'TO'}${'DO'}: the rest.\n`, /do it now/],
  ['a path of one machine', 'test/a.test.ts', `// c\nconst a = '${'/'}home/ann/parley';\n`, /a path of one machine/],
  ['a file too long', 'src/core/chat.ts', `// c\n${filler(300)}`, /chat\.ts: 301 lines, 300 are allowed/],
  ['a function too long', 'src/core/chat.ts', `// c\nexport function long(a: { b: number }): { c: number } {\n${filler(60)}}\n`, /chat\.ts#long: 62 lines, 60 are allowed/],
  ['a method too long', 'src/core/chat.ts', `// c\nclass A {\n  async #long(): Promise<void> {\n${filler(60)}  }\n}\n`, /#long: 62 lines/],
  ['an arrow too long', 'src/core/chat.ts', `// c\nexport const long = (a: number): number => {\n${filler(60)}};\n`, /#long: 62 lines/],
];
for (const [rule, path, text, expected] of planted) {
  test(`the rules find: ${rule}`, () => {
    const found = faults(path, text);
    assert.ok(
      found.some((fault) => expected.test(fault)),
      `found only: ${found.join('\n') || 'nothing'}`,
    );
  });
}

test('where clocks, drivers and implementations belong, they are let be', () => {
  const text = "// c\nimport { ClassicLevel } from 'classic-level';\nexport const a = Date.now() + process.pid + Math.random();\nsetTimeout(() => console.log(a), 1);\n";
  for (const path of [
    'src/store/messages.level.ts',
    'src/telemetry/log.ts',
    'src/actors/runtime/clock.ts',
    'src/main.ts',
    'src/terminal/main.ts',
    'src/cli/backups.ts',
    'test/a.test.ts',
  ])
    assert.deepEqual(faults(path, text), [], path);
  const wiring = "// c\nimport { messages } from './store/messages.level.ts';\nimport { settings } from './config.ts';\n";
  assert.deepEqual(faults('src/ports.embedded.ts', wiring), []);
  assert.deepEqual(faults('src/store/stores.level.ts', "// c\nimport { messages } from './messages.level.ts';\n"), []);
});

test('what stands in comments, texts and patterns is no code', () => {
  const text = "// Date.now() enum A {\n/* console.log */ export const a = 'process.env', b = /Math.random`'/u, c = `setTimeout ${1 / 2} process.x`, d = \"export default\";\n";
  assert.deepEqual(faults('src/core/chat.ts', text), []);
});

test('the ratchet holds: an old length may stay, must be written down when it falls, and never rises', () => {
  const text = `// c\n${filler(309)}`;
  assert.deepEqual(faults('src/core/chat.ts', text, { 'src/core/chat.ts': 310 }), []);
  assert.match(faults('src/core/chat.ts', text, { 'src/core/chat.ts': 305 }).join(), /it was 305 and may only become shorter/);
  assert.match(faults('src/core/chat.ts', text, { 'src/core/chat.ts': 320 }).join(), /now 310 lines\. Write that down/);
  assert.match(faults('src/core/chat.ts', '// c\n', { 'src/core/chat.ts': 320 }).join(), /Take it out of test\/tidy\/old\.ts/);
});

test('functions are told from calls, types and control flow', () => {
  const code = bareCode(`
function plain<A extends B>(a: A): Promise<A> { return a; }
interface Port { read(a: number): { b: string }; write: (a: number) => void }
const arrow = ({ a }: { a: number }) => { return a; };
class Chat { constructor(a: number) { if (a) { call(a); } } }
class Room {
  get size(): number { return 1; }
  async *all(): AsyncGenerator<number> { yield 1; }
}
if (a) { b(); }
call(a, () => 1);
`);
  assert.deepEqual(
    functionsOf(code)
      .map(({ name }) => name)
      .sort(),
    ['all', 'arrow', 'plain', 'size'],
  );
});
