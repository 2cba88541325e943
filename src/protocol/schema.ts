// How a frame is described: once, as data. Its type, its decoder with limits and its page in docs/protocol.md come from that.
import { type IdKind, type IdOf, isId } from '../structures/ids.ts';

/** What one place of a frame holds. `check` says whether a decoded value may stand there. */
export interface Field<Value> {
  readonly check: (value: unknown) => boolean;
  /** For docs/protocol.md. */
  readonly says: string;
  /** Whether an older peer may leave it out (only at the end of a frame); it then reads as null. */
  readonly optional: boolean;
  /** From the decoded MessagePack value to the one in memory, and back; absent where they are the same. */
  readonly fromWire?: (value: unknown) => unknown;
  readonly toWire?: (value: unknown) => unknown;
  readonly value?: Value; // carries the type only
}
export type ValueOf<F> = F extends Field<infer Value> ? Value : never;
type Fields = Readonly<Record<string, Field<unknown>>>;

/** A whole number from 0 to 2^53-1: seqs, send numbers, times in ms. */
export function counter(): Field<number> {
  return field('counter', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
}

/** A whole number from 0 to `max`, for what has few values. */
export function small(max = 255): Field<number> {
  return field(`0–${max}`, (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max);
}

export function flag(): Field<boolean> {
  return field('true or false', (value) => typeof value === 'boolean');
}

/** UTF-8 text of at most `max` UTF-16 units. */
export function text({ max, min = 0 }: { readonly max: number; readonly min?: number }): Field<string> {
  return field(min > 0 ? `text, ${min}–${max} long` : `text, up to ${max} long`, (value) => typeof value === 'string' && value.length <= max && value.length >= min);
}

/** Copied on decoding: what arrives lies in a buffer that the socket library takes back. */
export function bytes({ max }: { readonly max: number }): Field<Uint8Array> {
  return {
    ...field<Uint8Array>(`bytes, up to ${max}`, (value) => value instanceof Uint8Array && value.byteLength <= max),
    fromWire: (value) => (value as Uint8Array).slice(),
  };
}

export function id<Kind extends IdKind>(kind: Kind): Field<IdOf<Kind>> {
  return field(`${kind} id`, (value) => typeof value === 'string' && isId(kind, value));
}

export function oneOf<const Values extends readonly string[]>(...values: Values): Field<Values[number]> {
  return field(values.map((value) => `\`${value}\``).join(' or '), (value) => values.includes(value as string));
}

/** The field, or nil. */
export function maybe<Value>(of: Field<Value>): Field<Value | null> {
  const { fromWire, toWire } = of;
  return {
    ...field<Value | null>(`${of.says}, or nil`, (value) => value === null || of.check(value)),
    ...(fromWire && { fromWire: (value: unknown) => (value === null ? null : fromWire(value)) }),
    ...(toWire && { toWire: (value: unknown) => (value === null ? null : toWire(value)) }),
  };
}

/** A field that older peers leave out: only at the end of a frame. Reads as null when absent. */
export function later<Value>(of: Field<Value>): Field<Value | null> {
  return { ...maybe(of), says: `${of.says}, or nil; may be left out`, optional: true };
}

export function list<Value>(of: Field<Value>, { max, min = 0 }: { readonly max: number; readonly min?: number }): Field<readonly Value[]> {
  const { check, fromWire, toWire } = of;
  return {
    ...field<readonly Value[]>(
      `list of ${min > 0 ? `${min}–` : 'up to '}${max}: ${of.says}`,
      (value) => Array.isArray(value) && value.length <= max && value.length >= min && value.every(check),
    ),
    ...(fromWire && { fromWire: (value: unknown) => (value as unknown[]).map(fromWire) }),
    ...(toWire && { toWire: (value: unknown) => (value as unknown[]).map(toWire) }),
  };
}

/** A row: on the wire a nested array, in memory an object with these names. Fields are only appended, like a frame's. */
export function row<const Of extends Fields>(of: Of): Field<{ readonly [Name in keyof Of]: ValueOf<Of[Name]> }> {
  const { names, places, needed } = shapeOf(of);
  return {
    says: `[${names.map((name, at) => `${name}: ${places[at]?.says}`).join('; ')}]`,
    optional: false,
    check: (value) => Array.isArray(value) && checkPlaces(value, 0, places, needed),
    fromWire: (value) => objectOf({}, value as readonly unknown[], 0, names, places),
    toWire: (value) => placesOf([], value as Record<string, unknown>, names, places),
  };
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

/** Whether `wire`, from place `from` on, fits the shape. Unknown trailing places are passed over. */
export function checkPlaces(wire: readonly unknown[], from: number, places: readonly Field<unknown>[], needed: number): boolean {
  if (wire.length - from < needed) return false;
  const there = Math.min(places.length, wire.length - from);
  for (let at = 0; at < there; at += 1) if (!places[at]?.check(wire[from + at])) return false;
  return true;
}

/** Fills `into` by name from places that `checkPlaces` has found good. */
export function objectOf(
  into: Record<string, unknown>,
  wire: readonly unknown[],
  from: number,
  names: readonly string[],
  places: readonly Field<unknown>[],
): Record<string, unknown> {
  for (let at = 0; at < names.length; at += 1) {
    const value = from + at < wire.length ? wire[from + at] : null;
    const fromWire = places[at]?.fromWire;
    into[names[at] as string] = fromWire === undefined ? value : fromWire(value);
  }
  return into;
}

/** Appends the values of `from` to `into`, in the order of the shape. */
export function placesOf(into: unknown[], from: Readonly<Record<string, unknown>>, names: readonly string[], places: readonly Field<unknown>[]): unknown[] {
  for (let at = 0; at < names.length; at += 1) {
    const value = from[names[at] as string];
    const toWire = places[at]?.toWire;
    into.push(toWire === undefined ? value : toWire(value));
  }
  return into;
}

function shapeOf(fields: Fields): Shape {
  const places = Object.values(fields);
  const firstOptional = places.findIndex((place) => place.optional);
  return { names: Object.keys(fields), places, needed: firstOptional < 0 ? places.length : firstOptional };
}

function field<Value>(says: string, check: (value: unknown) => boolean): Field<Value> {
  return { says, check, optional: false };
}
