// Writes docs/protocol.md: the prose of protocol-docs.md, with the tables made from src/protocol itself. `npm run protocol-docs`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { encodeFrame, type FromDevice, fromDeviceFrames, type ToDevice, toDeviceFrames } from '../src/protocol/codec.ts';
import { closes, refusals } from '../src/protocol/errors.ts';
import { limits, numbersPerMs } from '../src/protocol/limits.ts';
import { memberRow, membersContentType, roles } from '../src/protocol/members.ts';
import { entryKinds, entryRow } from '../src/protocol/messages.ts';
import type { AnyFrame, Field, Form } from '../src/protocol/schema.ts';
import { chatRow, cursorRow, movedRow } from '../src/protocol/sync.ts';
import { subprotocol } from '../src/protocol/version.ts';
import { idLength } from '../src/structures/ids.ts';
import { ann, annAndBob, annsPhone, bob, examples } from '../test/protocol/examples.ts';

const root = join(import.meta.dirname, '..');
const rows = { cursor: cursorRow, moved: movedRow, entry: entryRow, chat: chatRow, member: memberRow } as const;

export const protocolDocsFile = join(root, 'docs', 'protocol.md');

export function protocolDocs(): string {
  const sources = readSources();
  const parts: Readonly<Record<string, string>> = {
    subprotocol,
    idLength: String(idLength),
    ann,
    bob,
    annAndBob,
    annsPhone,
    numbersPerMs: String(numbersPerMs),
    healMaxMs: grouped(limits.healMaxMs),
    membersContentType,
    roles: roles.map((role) => `\`${role}\``).join(', '),
    fromDevice: fromDeviceFrames.map((definition) => frameSection(definition, sources)).join('\n\n'),
    toDevice: toDeviceFrames.map((definition) => frameSection(definition, sources)).join('\n\n'),
    rows: Object.entries(rows)
      .map(([name, { form }]) => rowSection(name, form, sources))
      .join('\n\n'),
    entryKinds: Object.entries(entryKinds)
      .map(([name, kind]) => `| ${kind} | \`${name}\` | ${sources.comments.get('entryKinds')?.get(name)} |`)
      .join('\n'),
    refusals: Object.entries(refusals)
      .map(([why, { code, action, says }]) => `| ${code} | \`${why}\` | ${action} | ${says} |`)
      .join('\n'),
    closes: Object.entries(closes)
      .map(([why, { code, action, says }]) => `| ${code} | \`${why}\` | ${action} | ${says} |`)
      .join('\n'),
    limits: Object.entries(limits)
      .map(([name, value]) => `| \`${name}\` | ${grouped(value)} | ${sources.limits.get(name) ?? ''} |`)
      .join('\n'),
    session: session(),
    sendBytes: bytesOf(fromDeviceFrames.find(({ kind }) => kind === 'send') as AnyFrame, examples['send'] as FromDevice),
  };
  return readFileSync(join(import.meta.dirname, 'protocol-docs.md'), 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`scripts/protocol-docs.md wants {{${name}}}, which nothing makes.`);
    return part;
  });
}

interface Sources {
  /** By frame kind: its doc comment. */
  readonly docs: ReadonlyMap<string, string>;
  /** By frame kind or by the name of a constant: its fields' comments. */
  readonly comments: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly limits: ReadonlyMap<string, string>;
}

/** Comments are not in the definitions as data: they are taken from the text. */
function readSources(): Sources {
  const folder = join(root, 'src', 'protocol');
  const docs = new Map<string, string>();
  const comments = new Map<string, ReadonlyMap<string, string>>();
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, doc, , kind] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const \w+ = frame\((\d+), '(\w+)'/g)) docs.set(kind as string, oneLine(doc as string));
    for (const [, name, kind, body] of text.matchAll(/^export const (\w+) = (?:frame\(\d+, '(\w+)', |row\()?\{\n([\s\S]*?)^\}/gm)) {
      comments.set(
        kind ?? (name as string),
        new Map([...(body as string).matchAll(/^ {2}(\w+): .*?\/\/ (.*)$/gm)].map(([, field, comment]) => [field as string, comment as string])),
      );
    }
  }
  comments.set('entry', comments.get('entryFields') ?? new Map());
  for (const name of Object.keys(rows)) if (comments.has(`${name}Row`)) comments.set(`row ${name}`, comments.get(`${name}Row`) as Map<string, string>);
  comments.set('row entry', comments.get('entryFields') ?? new Map());
  const limitsText = readFileSync(join(folder, 'limits.ts'), 'utf8');
  const limitDocs = [...limitsText.matchAll(/\/\*\* (.*?) \*\/\n {2}(\w+):/g)].map(([, doc, name]) => [name as string, doc as string] as const);
  return { docs, comments, limits: new Map(limitDocs) };
}

function frameSection(definition: AnyFrame, { docs, comments }: Sources): string {
  const { type, kind, names, places } = definition;
  const doc = docs.get(kind);
  if (doc === undefined) throw new Error(`${kind} has no doc comment above it in src/protocol.`);
  const says = doc.replace(/^(?:Device → server|Server → device)\s*[,.:]?\s*/, '');
  const head = `### ${type} \`${kind}\`\n\n${says === '' ? '' : `${capital(says)}\n\n`}`;
  if (places.length === 0) return `${head}No fields: \`[${type}]\`.`;
  return `${head}\`[${[type, ...names].join(', ')}]\`\n\n${fieldTable(names, places, comments.get(kind))}`;
}

function rowSection(name: string, form: Form, { comments }: Sources): string {
  if (form.is !== 'row') throw new Error(`${name} is no row.`);
  return `### Row \`${name}\`\n\n\`[${form.names.join(', ')}]\`\n\n${fieldTable(form.names, form.places, comments.get(`row ${name}`))}`;
}

function fieldTable(names: readonly string[], places: readonly Field<unknown>[], comments: ReadonlyMap<string, string> | undefined): string {
  const lines = names.map((name, at) => `| \`${name}\` | ${saysOf(places[at] as Field<unknown>)} | ${comments?.get(name) ?? ''} |`);
  return `| field | | |\n|---|---|---|\n${lines.join('\n')}`;
}

function saysOf({ form, optional, says }: Field<unknown>): string {
  if (!mentionsRow(form)) return says;
  return `${formSays(form)}${optional ? '; may be left out' : ''}`;
}

function formSays(form: Form): string {
  if (form.is === 'maybe') return `${formSays(form.of)}, or nil`;
  if (form.is === 'list') return `list of ${form.min > 0 ? `${form.min}–` : 'up to '}${form.max}: ${formSays(form.of)}`;
  if (form.is !== 'row') return form.is === 'id' ? `${form.of} id` : form.is;
  const known = Object.entries(rows).find(([, row]) => row.form === form);
  return known ? `row [\`${known[0]}\`](#row-${known[0]})` : `[${form.names.map((name, at) => `${name}: ${form.places[at]?.says}`).join('; ')}]`;
}

function mentionsRow(form: Form): boolean {
  return form.is === 'row' || ((form.is === 'maybe' || form.is === 'list') && mentionsRow(form.of));
}

/** From hello to sent, and what Bob gets. */
function session(): string {
  const steps: readonly (readonly [string, string])[] = [
    ['hello', 'Ann, with her access token (a real one is some 200 characters long).'],
    ['welcome', 'The server, with its limits.'],
    ['resume-first', 'Ann has nothing yet.'],
    ['moved-none', 'And there is nothing for her.'],
    ['send', 'She need not have waited. Her first send here: `after` is 0, and `peer` names Bob, since the chat does not exist.'],
    ['sent', 'It is on the disk, as entry 1 of the chat.'],
    ['entry', "To Bob's devices, and to Ann's others."],
    ['delivered', "Bob's laptop has it on its disk."],
    ['receipt', 'Ann hears of it, and that he has read it too.'],
    ['refused-busy', 'What a refusal looks like: send the same again in a quarter of a second.'],
  ];
  return steps
    .map(([name, says]) => {
      const frame = examples[name] as FromDevice | ToDevice;
      const arrow = fromDeviceFrames.some(({ kind }) => kind === frame.kind) ? '→' : '←';
      const shown = JSON.stringify(frame, (_, value) => (value instanceof Uint8Array ? `bytes: ${new TextDecoder().decode(value)}` : value));
      return `${says}\n\n\`\`\`\n${arrow} ${shown}\n${inLines(Buffer.from(encodeFrame(frame)).toString('hex'))}\n\`\`\``;
    })
    .join('\n\n');
}

function bytesOf({ type, kind, names }: AnyFrame, frame: FromDevice): string {
  const fields = frame as unknown as Record<string, unknown>;
  const parts: (readonly [Uint8Array, string])[] = [
    [Uint8Array.of(0x90 | (names.length + 1)), `an array of ${names.length + 1}`],
    [encode(type), `type ${type}, \`${kind}\``],
    ...names.map((name): readonly [Uint8Array, string] => {
      const value = fields[name];
      return [encode(value), `\`${name}\`: ${value instanceof Uint8Array ? `${value.length} bytes, "${new TextDecoder().decode(value)}"` : JSON.stringify(value)}`];
    }),
  ];
  if (Buffer.compare(Buffer.concat(parts.map(([bytes]) => bytes)), encodeFrame(frame)) !== 0) throw new Error('The parts are not the frame.');
  return parts.map(([bytes, says]) => `| \`${Buffer.from(bytes).toString('hex')}\` | ${says} |`).join('\n');
}

function inLines(hex: string): string {
  return (hex.match(/.{1,96}/g) ?? []).map((line) => `  ${line}`).join('\n');
}

function oneLine(doc: string): string {
  return doc.replace(/\s*\n\s*\*\s?/g, ' ').trim();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

if (process.argv[1] === import.meta.filename) writeFileSync(protocolDocsFile, protocolDocs());
