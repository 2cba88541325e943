// The architecture as rules over source texts: who may know whom, where clocks may stand, how things are named, how long they may be.
import { dirname, join } from 'node:path/posix';
import { bareCode, functionsOf, type Import, importsOf, lineOf } from './source.ts';

/** Which folder of src/ may import from which other. A folder that is not here is a fault. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  structures: [],
  protocol: ['structures'],
  core: ['protocol', 'structures'],
  telemetry: [],
  store: ['core', 'protocol', 'structures', 'telemetry'],
  cluster: ['core', 'protocol', 'structures', 'telemetry'],
  gateways: ['core', 'protocol', 'telemetry'],
  actors: ['core', 'protocol', 'structures', 'store', 'cluster', 'gateways', 'telemetry'],
  services: ['core', 'protocol', 'structures', 'store', 'cluster', 'gateways', 'telemetry'],
  transport: ['core', 'protocol', 'structures', 'actors', 'services', 'telemetry'],
  sdk: ['protocol', 'structures'],
  terminal: ['sdk', 'protocol', 'structures'],
  web: ['sdk'],
  cli: ['protocol', 'store', 'actors'], // backup and restore work on a store that no node has open
};
/** They wire everything and decide nothing: what lies in src/ itself, where a command begins, and the entry of the SDK. */
const wires = (path: string): boolean => /^src\/(?:[^/]+|cli\/[^/]+|[^/]+\/main|sdk\/parley)\.ts$/.test(path);
/** `store/messages.level.ts` says its technology; `store/messages.ts` has none. */
const technologyOf = (path: string): string | undefined => /\/[^/.]+\.([^/]+)\.ts$/.exec(path)?.[1];
/** Where clocks, timers, randomness and the process may be touched. */
const mayTouch = (path: string): boolean => wires(path) || technologyOf(path) !== undefined || /^src\/(?:telemetry|actors\/runtime)\//.test(path);

const touches: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/, 'the clock'],
  [/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|nextTick)\b/, 'a timer'],
  [/\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/, 'randomness'],
  [/\bprocess\./, 'the process'],
  [/\bconsole\./, 'the console'],
];
/** What a file without a technology may import from outside: nothing that does I/O, keeps time or draws lots. */
const pureModules = ['node:assert/strict', 'node:path', 'node:util', '@msgpack/msgpack', '@noble/hashes', 'zod'];

const bannedNames = /^(?:utils?|helpers?|common|shared|misc|types|index)$/;
const linesMax = { file: 300, function: 60 };
/** Spelled so that this line is not found itself. */
const unfinished = /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/;
const machinePath = /(?:^|[\s"'`(=:])\/(?:home|root|tmp|work|Users|private|opt\/[a-z]+\/build)\/[\w.]/m;

/** Old code that is longer than new code may be, with its numbers: they may only become smaller. Keys: a path, or `path#function`. */
export type Old = Readonly<Record<string, number>>;

/** Every fault of the tree, as a line that says where it is and what to do. `files`: path from the root → text. */
export function faultsOf(files: ReadonlyMap<string, string>, old: Old): readonly string[] {
  const faults: string[] = [];
  const lengths = new Map<string, number>();
  for (const [path, text] of files) {
    faults.push(...wordFaults(path, text), ...nameFaults(path));
    if (!/\.(?:ts|mjs)$/.test(path)) continue;
    const code = bareCode(text);
    faults.push(...formFaults(path, text, code));
    if (path.startsWith('src/')) faults.push(...importFaults(path, importsOf(text, code)), ...touchFaults(path, code));
    for (const [key, lines] of lengthsOf(path, text, code)) lengths.set(key, lines);
  }
  return [...faults, ...ratchet(lengths, old)];
}

function wordFaults(path: string, text: string): readonly string[] {
  const faults: string[] = [];
  const word = unfinished.exec(text);
  if (word) faults.push(`${path}:${lineOf(text, word.index)}: "${word[0]}": do it now, or say in a document what is not done and why.`);
  const machine = machinePath.exec(text);
  if (machine) faults.push(`${path}:${lineOf(text, machine.index + 1)}: a path of one machine. Make it relative, or take it from os.tmpdir().`);
  return faults;
}

function nameFaults(path: string): readonly string[] {
  const faults: string[] = [];
  if (!/\.(?:ts|mjs)$/.test(path)) return faults;
  for (const part of path.split('/')) {
    const stem = part.split('.')[0] as string;
    if (bannedNames.test(stem)) faults.push(`${path}: "${stem}" says nothing. Name it after the noun that it is about, or move its parts to theirs.`);
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/.test(part)) faults.push(`${path}: names are kebab-case, with the technology as a suffix: rate-limits.memory.ts.`);
  }
  return faults;
}

function formFaults(path: string, text: string, code: string): readonly string[] {
  const faults: string[] = [];
  const first = text.startsWith('#!') ? text.slice(text.indexOf('\n') + 1) : text;
  if (!/^\/\/ \S/.test(first)) faults.push(`${path}:1: the first line says what the file is for: "// …".`);
  const banned: readonly (readonly [RegExp, string])[] = [
    [/\bexport\s+default\b/, 'named exports only: a thing has one name everywhere.'],
    [/\b(?:const\s+)?enum\s+\w+\s*\{/, 'no enum (Node cannot strip it): a union of strings, or an object "as const".'],
    [/^\s*(?:export\s+)?(?:declare\s+)?namespace\s+\w/m, 'no namespace (Node cannot strip it): a file is one.'],
  ];
  for (const [pattern, says] of banned) {
    const match = pattern.exec(code);
    if (match && !path.endsWith('.d.ts')) faults.push(`${path}:${lineOf(code, match.index)}: ${says}`);
  }
  return faults;
}

function importFaults(path: string, imports: readonly Import[]): readonly string[] {
  const faults: string[] = [];
  const folder = path.split('/').length > 2 ? (path.split('/')[1] as string) : undefined;
  const allowed = folder === undefined ? undefined : mayImport[folder];
  if (folder !== undefined && allowed === undefined)
    faults.push(`${path}: the folder src/${folder} is not in the import map (test/tidy/rules.ts). Say there whom it may know, or put the file where its noun lives.`);
  for (const { from, line } of imports) {
    const where = `${path}:${line}: imports ${from}`;
    if (!from.startsWith('.')) {
      if (!mayTouch(path) && !pureModules.some((pure) => from === pure || from.startsWith(`${pure}/`)))
        faults.push(`${where}, a driver or an I/O module. Do that in a file with the technology in its name (noun.${/[\w-]+$/.exec(from)?.[0]}.ts) behind a port.`);
      continue;
    }
    const target = join(dirname(path), from);
    if (!target.startsWith('src/')) {
      faults.push(`${where}, which is outside of src/.`);
      continue;
    }
    const targetFolder = target.split('/').length > 2 ? target.split('/')[1] : undefined;
    if (folder !== undefined && targetFolder === undefined)
      faults.push(`${where}, a wiring file. Those import others, never the other way round: take what you need as an argument.`);
    if (folder !== undefined && targetFolder !== undefined && targetFolder !== folder && allowed && !allowed.includes(targetFolder))
      faults.push(`${where}, but ${folder} may know only: ${allowed.join(', ') || 'nobody'}. Declare what you need as a narrow type, or a command is missing.`);
    if (technologyOf(target) !== undefined && !target.endsWith('.d.ts') && !wires(path) && (targetFolder !== folder || technologyOf(path) === undefined))
      faults.push(`${where}, an implementation. Import the port (the same name without "${technologyOf(target)}"); wiring files choose.`);
  }
  return faults;
}

function touchFaults(path: string, code: string): readonly string[] {
  if (mayTouch(path)) return [];
  const faults: string[] = [];
  for (const [pattern, what] of touches) {
    const match = pattern.exec(code);
    if (match)
      faults.push(`${path}:${lineOf(code, match.index)}: ${match[0]} touches ${what}. Take it as an argument (structures/clock.ts), so that a simulator can give another.`);
  }
  return faults;
}

/** Test functions may be long (a contract suite is one function); everything else is measured. */
function lengthsOf(path: string, text: string, code: string): readonly (readonly [string, number])[] {
  const lengths: (readonly [string, number])[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > linesMax.file) lengths.push([path, lines]);
  if (path.startsWith('test/')) return lengths;
  for (const { name, lines: own } of functionsOf(code)) if (own > linesMax.function) lengths.push([`${path}#${name}`, own]);
  return lengths;
}

function ratchet(lengths: ReadonlyMap<string, number>, old: Old): readonly string[] {
  const faults: string[] = [];
  for (const [key, lines] of lengths) {
    const max = key.includes('#') ? linesMax.function : linesMax.file;
    const before = old[key];
    if (before === undefined) faults.push(`${key}: ${lines} lines, ${max} are allowed. Find the second noun in it and move that out.`);
    else if (lines > before) faults.push(`${key}: ${lines} lines, it was ${before} and may only become shorter. Move something out.`);
    else if (lines < before) faults.push(`${key}: now ${lines} lines. Write that down in test/tidy/old.ts (it says ${before}), so that it stays.`);
  }
  for (const key of Object.keys(old)) if (!lengths.has(key)) faults.push(`${key}: no longer too long, or gone. Take it out of test/tidy/old.ts.`);
  return faults;
}
