// How a frame is described: once, as data. Its type, its decoder with limits, its encoder and its page in docs/protocol.md come from that.
import type { IdKind, IdOf } from '../structures/ids.ts';
import { Malformed, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** What a field allows, as data: for the documentation and for tests that draw values. */
export type Form =
  | { readonly is: 'counter' | 'flag' }
  | { readonly is: 'small' | 'bytes'; readonly max: number }
  | { readonly is: 'text'; readonly min: number; readonly max: number }
  | { readonly is: 'id'; readonly of: IdKind }
  | { readonly is: 'oneOf'; readonly words: readonly string[] }
  | { readonly is: 'maybe'; readonly of: Form }
  | { readonly is: 'list'; readonly of: Form; readonly min: number; readonly max: number }
  | { readonly is: 'row'; readonly names: readonly string[]; readonly places: readonly Field<unknown>[] }
  | { readonly is: 'frame'; readonly of: readonly AnyFrame[] };

/** What one place of a frame holds. */
export interface Field<Value> {
  readonly form: Form;
  /** For docs/protocol.md and for the text of Malformed. */
  readonly says: string;
  /** Whether an older peer may leave it out (only at the end of a frame); it then reads as null. */
  readonly optional: boolean;
  /** Takes the value from the bytes; throws Malformed for any other than the field allows. */
  read(from: Reader): Value;
  write(to: Writer, value: Value): void;
}
export type ValueOf<F> = F extends Field<infer Value> ? Value : never;
type Fields = Readonly<Record<string, Field<unknown>>>;

/** A whole number from 0 to 2^53-1: seqs, send numbers, times in ms. */
export function counter(): Field<number> {
  return field(
    { is: 'counter' },
    'counter',
    (from) => from.counter(),
    (to, value) => to.counter(value),
  );
}

/** A whole number from 0 to `max`, for what has few values. */
export function small(max = 255): Field<number> {
  const says = `0–${max}`;
  return field(
    { is: 'small', max },
    says,
    (from) => {
      const value = from.counter();
      if (value > max) throw new Malformed(`${value} is over ${max}`);
      return value;
    },
    (to, value) => to.counter(value),
  );
}

export function flag(): Field<boolean> {
  return field(
    { is: 'flag' },
    'true or false',
    (from) => from.flag(),
    (to, value) => to.flag(value),
  );
}

/** UTF-8 text of at most `max` UTF-16 units. */
export function text({ max, min = 0 }: { readonly max: number; readonly min?: number }): Field<string> {
  return field(
    { is: 'text', min, max },
    min > 0 ? `text, ${min}–${max} long` : `text, up to ${max} long`,
    (from) => {
      const value = from.text(max);
      if (value.length < min) throw new Malformed('a text is too short');
      return value;
    },
    (to, value) => to.text(value),
  );
}

/** Copied on decoding: what arrives lies in a buffer that the socket library takes back. */
export function bytes({ max }: { readonly max: number }): Field<Uint8Array> {
  return field(
    { is: 'bytes', max },
    `bytes, up to ${max}`,
    (from) => from.bytes(max),
    (to, value) => to.bytes(value),
  );
}

export function id<Kind extends IdKind>(kind: Kind): Field<IdOf<Kind>> {
  return field<IdOf<Kind>>(
    { is: 'id', of: kind },
    `${kind} id`,
    (from) => from.id(kind),
    (to, value) => to.text(value),
  );
}

export function oneOf<const Values extends readonly string[]>(...values: Values): Field<Values[number]> {
  const longest = Math.max(...values.map((value) => value.length));
  return field<Values[number]>(
    { is: 'oneOf', words: values },
    values.map((value) => `\`${value}\``).join(' or '),
    (from) => {
      const value = from.text(longest);
      if (!values.includes(value)) throw new Malformed('not one of the words that may stand here');
      return value;
    },
    (to, value) => to.text(value),
  );
}

/** The field, or nil. */
export function maybe<Value>(of: Field<Value>): Field<Value | null> {
  return field<Value | null>(
    { is: 'maybe', of: of.form },
    `${of.says}, or nil`,
    (from) => (from.nil() ? null : of.read(from)),
    (to, value) => (value === null ? to.nil() : of.write(to, value)),
  );
}

/** A field that older peers leave out: only at the end of a frame. Reads as null when absent. */
export function later<Value>(of: Field<Value>): Field<Value | null> {
  return { ...maybe(of), says: `${of.says}, or nil; may be left out`, optional: true };
}

export function list<Value>(of: Field<Value>, { max, min = 0 }: { readonly max: number; readonly min?: number }): Field<readonly Value[]> {
  return field<readonly Value[]>(
    { is: 'list', of: of.form, min, max },
    `list of ${min > 0 ? `${min}–` : 'up to '}${max}: ${of.says}`,
    (from) => {
      const length = from.array();
      if (length > max || length < min) throw new Malformed(`${length} elements`);
      const values: Value[] = [];
      for (let at = 0; at < length; at += 1) values.push(of.read(from));
      return values;
    },
    (to, values) => {
      to.array(values.length);
      for (const value of values) of.write(to, value);
    },
  );
}

/** A row: on the wire a nested array, in memory an object with these names. Fields are only appended, like a frame's. */
export function row<const Of extends Fields>(of: Of): Field<{ readonly [Name in keyof Of]: ValueOf<Of[Name]> }> {
  type Row = { readonly [Name in keyof Of]: ValueOf<Of[Name]> };
  const shape = shapeOf(of);
  return field<Row>(
    { is: 'row', names: shape.names, places: shape.places },
    `[${shape.names.map((name, at) => `${name}: ${shape.places[at]?.says}`).join('; ')}]`,
    (from) => readPlaces({}, from, from.array(), shape) as Row,
    (to, value) => {
      to.array(shape.places.length);
      writePlaces(to, value, shape);
    },
  );
}

interface Shape {
  readonly names: readonly string[];
  readonly places: readonly Field<unknown>[];
  /** How many places must be there: those before the first optional one. */
  readonly needed: number;
}

export interface FrameDefinition<Kind extends string, Of extends Fields> extends Shape {
  readonly type: number;
  readonly kind: Kind;
  readonly fields: Of;
}
export type AnyFrame = FrameDefinition<string, Fields>;
export type FrameOf<F> = F extends FrameDefinition<infer Kind, infer Of> ? { readonly kind: Kind } & { readonly [Name in keyof Of]: ValueOf<Of[Name]> } : never;

/** A frame: `[type, …fields]` on the wire, `{ kind, …fields }` in memory. Numbers are never reused, fields only appended. */
export function frame<const Kind extends string, const Of extends Fields>(type: number, kind: Kind, fields: Of): FrameDefinition<Kind, Of> {
  return { type, kind, fields, ...shapeOf(fields) };
}

/** A frame of a type that this side does not know. */
export interface UnknownFrame {
  readonly kind: 'unknown';
  readonly type: number;
}

/** Definitions by the types of their frames. */
export type ByType = readonly (AnyFrame | undefined)[];

export function byType(definitions: readonly AnyFrame[]): ByType {
  const table: (AnyFrame | undefined)[] = [];
  for (const definition of definitions) table[definition.type] = definition;
  return table;
}

/** One frame of several, nested. One of another type is passed over, and reads as `unknown`. */
export function oneFrame<const Of extends readonly AnyFrame[]>(...of: Of): Field<FrameOf<Of[number]> | UnknownFrame> {
  const definitions = byType(of);
  const byKind = new Map(of.map((definition) => [definition.kind, definition]));
  return field<FrameOf<Of[number]> | UnknownFrame>(
    { is: 'frame', of },
    of.map(({ kind }) => `\`${kind}\``).join(' or '),
    (from) => {
      const length = from.array();
      if (length === 0) throw new Malformed('a frame begins with its type, a whole number');
      const type = from.counter();
      const definition = definitions[type];
      if (definition !== undefined) return readPlaces({ kind: definition.kind }, from, length - 1, definition) as FrameOf<Of[number]>;
      from.skip(length - 1);
      return { kind: 'unknown', type };
    },
    (to, value) => {
      const definition = byKind.get(value.kind);
      if (definition === undefined) throw new TypeError(`A ${value.kind} frame cannot stand here.`);
      to.array(definition.places.length + 1);
      to.counter(definition.type);
      writePlaces(to, value as Readonly<Record<string, unknown>>, definition);
    },
  );
}

/** Reads `length` places into `into`, by name. Those that the shape does not know are passed over; optional ones that are not there are null. Throws Malformed. */
export function readPlaces(into: Record<string, unknown>, from: Reader, length: number, { names, places, needed }: Shape): Record<string, unknown> {
  if (length < needed) throw new Malformed(`${names[length]} is missing`);
  const there = Math.min(length, places.length);
  let at = 0;
  try {
    for (; at < there; at += 1) into[names[at] as string] = (places[at] as Field<unknown>).read(from);
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    throw new Malformed(`${names[at]} must be ${places[at]?.says} (${cause.message})`);
  }
  for (; at < places.length; at += 1) into[names[at] as string] = null;
  if (length > there) from.skip(length - there);
  return into;
}

/** Writes the values of `from` in the order of the shape. */
export function writePlaces(to: Writer, from: Readonly<Record<string, unknown>>, { names, places }: Shape): void {
  for (let at = 0; at < places.length; at += 1) (places[at] as Field<unknown>).write(to, from[names[at] as string]);
}

function shapeOf(fields: Fields): Shape {
  const places = Object.values(fields);
  const firstOptional = places.findIndex((place) => place.optional);
  return { names: Object.keys(fields), places, needed: firstOptional < 0 ? places.length : firstOptional };
}

function field<Value>(form: Form, says: string, read: (from: Reader) => Value, write: (to: Writer, value: Value) => void): Field<Value> {
  return { form, says, optional: false, read, write };
}
