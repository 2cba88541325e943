// The table of peers, and its place in a document: between markers, so that a run puts a new one where the old one was.
import { type Machine, machineText } from '../output/machine.ts';

export interface Column {
  readonly name: string;
  readonly version: string;
  readonly says: string;
}

export interface Cell {
  readonly side: string;
  readonly value: number | null;
  readonly p99Ms: number | null;
  /** Why the value says nothing; undefined when it does. */
  readonly voidWhy: string | undefined;
}

export interface Table {
  readonly rows: readonly string[];
  /** Those that could be started. */
  readonly columns: readonly Column[];
  /** By row. */
  readonly cells: readonly (readonly Cell[])[];
  readonly machine: Machine;
  readonly at: Date;
  readonly seconds: number;
  /** No higher rate was tried; undefined: there was no such limit. */
  readonly rateMax?: number | undefined;
}

const unit = 'ws';
const [begin, end] = ['<!-- bench:peers begins -->', '<!-- bench:peers ends -->'];
const heading = '## Beside other servers';

/** Multiples of what plain `ws` does, with its own figure in full; void values are marked. */
export function tableOf({ rows, columns, cells, machine, at, seconds, rateMax }: Table): string {
  const shown = (row: readonly Cell[], { name }: Column): string => {
    const cell = row.find(({ side }) => side === name);
    if (cell === undefined || cell.value === null) return '–';
    const per = row.find(({ side }) => side === unit)?.value ?? null;
    const isVoid = cell.voidWhy === undefined ? '' : ' (void)';
    return name === unit || per === null || per === 0 ? `${Math.round(cell.value).toLocaleString('en')}${isVoid}` : `${ratio(cell.value / per)}${isVoid}`;
  };
  const voids = cells.flatMap((row, line) =>
    row.filter(({ voidWhy, value }) => voidWhy !== undefined && value !== null).map(({ side, voidWhy }) => `- void: ${side}, ${rows[line]}: ${voidWhy}.`),
  );
  const missing = cells.flatMap((row) => row.filter(({ value, side }) => value === null && !columns.some(({ name }) => name === side)).map(({ side }) => side));
  return [
    `Measured by \`npm run bench:peers\` on ${at.toISOString().slice(0, 10)}: ${machineText(machine)}. Each server pinned to one core, the load on another, ${seconds} s measured; open loop, bodies of 100 bytes, latency from when a message was due to when it was read; the highest rate whose 99th percentile stays within 100 ms (500 ms in the room of 1,000)${rateMax === undefined ? '' : `; NO RATE ABOVE ${rateMax.toLocaleString('en')} MESSAGES/S WAS TRIED, so these are no maxima`}. Multiples of \`ws\`, whose own figures stand in full.`,
    '',
    `| | ${columns.map(({ name }) => name).join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    ...rows.map((name, line) => `| ${name} | ${columns.map((column) => shown(cells[line] ?? [], column)).join(' | ')} |`),
    '',
    ...columns.map(({ name, version, says }) => `- **${name}** ${version}: ${says}.`),
    ...voids,
    ...(missing.length > 0 ? [`- Could not be started here: ${[...new Set(missing)].join(', ')}.`] : []),
  ].join('\n');
}

/** The document with the table in its place; a document without a place gets one at its end. */
export function documentWith(text: string, table: string): string {
  const block = `${begin}\n\n${table}\n\n${end}`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from >= 0 && to > from) return `${text.slice(0, from)}${block}${text.slice(to + end.length)}`;
  const before = text.trim() === '' ? '# Performance' : text.trimEnd();
  return `${before}\n\n${heading}\n\n${block}\n`;
}

function ratio(value: number): string {
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}
