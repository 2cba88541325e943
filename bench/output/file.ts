// A run as a file of JSON lines: `run` first, then a `step` for each stretch of load, a `result` for each run of the scenario, and `end`. Written while it goes on: what breaks off leaves what it had.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Json } from '../figures.ts';
import type { Machine } from './machine.ts';
import type { Step } from './steps.ts';

export interface RunLine {
  readonly kind: 'run';
  readonly at: string;
  readonly scenario: string;
  readonly params: Readonly<Record<string, number | string>>;
  readonly machine: Machine;
}

/** `ofAttempt`: 1, 2 … of those that --repeat asks for. */
export interface ResultLine {
  readonly kind: 'result';
  readonly ofAttempt: number;
  readonly result: Json;
}

export interface EndLine {
  readonly kind: 'end';
  readonly at: string;
  readonly exitCode: number;
  /** What ended it before its end; null: nothing did. */
  readonly why: string | null;
}

export type Line = RunLine | Step | ResultLine | EndLine;

export class LineFile {
  readonly #path: string;

  /** Begins it anew. */
  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, '');
  }

  add(line: Line): void {
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}

export interface Report {
  readonly run: RunLine;
  readonly steps: readonly Step[];
  readonly results: readonly ResultLine[];
  readonly end: EndLine | undefined;
}

/** The file is none of ours; the message says why. */
export class NoReport extends Error {}

/** Throws NoReport. A last line that is cut off is left out. */
export function readReport(path: string): Report {
  const lines = textOf(path)
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((text, at, all) => lineOf(text, path, at, at === all.length - 1));
  return reportOf(lines, path);
}

/** Throws NoReport where it does not begin with its run. */
export function reportOf(lines: readonly Line[], name: string): Report {
  const [run] = lines;
  if (run?.kind !== 'run') throw new NoReport(`${name} is not a file that --out has written: it does not begin with a run`);
  return {
    run,
    steps: lines.filter((line) => line.kind === 'step'),
    results: lines.filter((line) => line.kind === 'result'),
    end: lines.find((line) => line.kind === 'end'),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new NoReport(`${path} cannot be read`, { cause });
  }
}

function lineOf(text: string, path: string, at: number, isLast: boolean): readonly Line[] {
  try {
    return [JSON.parse(text) as Line];
  } catch (cause) {
    if (isLast) return [];
    throw new NoReport(`${path}: line ${at + 1} is no JSON`, { cause });
  }
}
