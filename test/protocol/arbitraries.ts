// Draws frames from their definitions, valid or barely not.
import fc from 'fast-check';
import type { FromDevice, ToDevice } from '../../src/protocol/codec.ts';
import type { AnyFrame, Field, Form } from '../../src/protocol/schema.ts';
import { type IdKind, idFrom } from '../../src/structures/ids.ts';

/** Lists are drawn this long at most, or the properties would take minutes. */
const listDrawMax = 5;
const bytesDrawMax = 300;

const prefixes = { user: ['u'], device: ['d'], chat: ['p', 'g'] } as const satisfies Record<IdKind, readonly string[]>;

export function anyOf(form: Form): fc.Arbitrary<unknown> {
  switch (form.is) {
    case 'counter':
      return fc.oneof(fc.maxSafeNat(), fc.nat({ max: 300 }), fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1));
    case 'small':
      return fc.nat({ max: form.max });
    case 'flag':
      return fc.boolean();
    case 'text':
      return fc.oneof(textOf(form, 'binary-ascii'), textOf(form, 'binary'));
    case 'bytes':
      return fc.uint8Array({ maxLength: Math.min(form.max, bytesDrawMax) });
    case 'id':
      return fc.tuple(fc.constantFrom(...prefixes[form.of]), fc.uint8Array({ minLength: 15, maxLength: 15 })).map(([prefix, bits]) => idFrom(prefix, bits));
    case 'oneOf':
      return fc.constantFrom(...form.words);
    case 'maybe':
      return fc.option(anyOf(form.of), { nil: null });
    case 'list':
      return fc.array(anyOf(form.of), { minLength: form.min, maxLength: Math.min(form.max, listDrawMax) });
    case 'row':
      return objectOf(form.names, form.places);
    case 'frame':
      return fc.oneof(...form.of.map(anyFrame));
  }
}

export function anyFrame(definition: AnyFrame): fc.Arbitrary<FromDevice | ToDevice> {
  return objectOf(definition.names, definition.places).map((fields) => ({ kind: definition.kind, ...fields }) as FromDevice | ToDevice);
}

function objectOf(names: readonly string[], places: readonly Field<unknown>[]): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(names.map((name, at) => [name, anyOf((places[at] as Field<unknown>).form)])), { noNullPrototype: true });
}

function textOf({ min, max }: { readonly min: number; readonly max: number }, unit: 'binary' | 'binary-ascii'): fc.Arbitrary<string> {
  return fc.string({ unit, minLength: min, maxLength: Math.min(max, 100) }).filter((text) => text.length <= max);
}

/** The values of one place that just fit, and those that just do not, as plain MessagePack values. */
export function edgesOf(form: Form): { readonly fit: readonly unknown[]; readonly misfit: readonly unknown[] } {
  switch (form.is) {
    case 'counter':
      return { fit: [0, Number.MAX_SAFE_INTEGER], misfit: [-1, 0.5, 2 ** 53, Number.NaN, '1', null, true] };
    case 'small':
      return { fit: [0, form.max], misfit: [-1, form.max + 1, 0.5, null] };
    case 'flag':
      return { fit: [true, false], misfit: [0, 1, null, 'true'] };
    case 'text':
      return {
        fit: ['a'.repeat(form.min), 'a'.repeat(form.max), '€'.repeat(form.max)],
        misfit: ['a'.repeat(form.max + 1), '€'.repeat(form.max + 1), ...(form.min > 0 ? [''] : []), 7, null],
      };
    case 'bytes':
      return { fit: [new Uint8Array(0), new Uint8Array(form.max)], misfit: [new Uint8Array(form.max + 1), 'text', null, [1]] };
    case 'id': {
      const good = `${prefixes[form.of][0]}${'Az09-_'.repeat(4).slice(0, 20)}`;
      return { fit: [good], misfit: [good.slice(0, 20), `${good}A`, `x${good.slice(1)}`, `${good.slice(0, 20)}+`, `${good.slice(0, 19)}é`, '', 7, null] };
    }
    case 'oneOf':
      return { fit: form.words, misfit: ['', `${form.words[0]}x`, 'none of them', 0, null] };
    case 'maybe': {
      const { fit, misfit } = edgesOf(form.of);
      return { fit: [null, ...fit], misfit: misfit.filter((value) => value !== null) };
    }
    case 'list': {
      const one = wireOf(form.of);
      const misfitOne = edgesOf(form.of).misfit[0];
      return {
        fit: [new Array(form.min).fill(one), new Array(form.max).fill(one)],
        misfit: [new Array(form.max + 1).fill(one), ...(form.min > 0 ? [new Array(form.min - 1).fill(one)] : []), [misfitOne], 'list', null],
      };
    }
    case 'row': {
      const good = wireOf(form) as unknown[];
      return { fit: [good], misfit: [good.slice(0, -1).filter(() => form.places.every((place) => !place.optional)), 'row', null] };
    }
    case 'frame':
      return { fit: form.of.map(wireFrame), misfit: [[], ['type'], 'frame', null] };
  }
}

/** One small value that fits, as a plain MessagePack value. */
export function wireOf(form: Form): unknown {
  if (form.is === 'row') return form.places.map((place) => wireOf(place.form));
  if (form.is === 'list') return new Array(form.min).fill(wireOf(form.of));
  return edgesOf(form).fit[0];
}

/** A frame of the definition as the plain array of its wire form. */
export function wireFrame(definition: AnyFrame): unknown[] {
  return [definition.type, ...definition.places.map((place) => wireOf(place.form))];
}

/** What a frame object stands for on the wire, told by its definition alone. */
export function wireOfFrame(definition: AnyFrame, frame: object): unknown[] {
  const fields = frame as Record<string, unknown>;
  return [definition.type, ...definition.names.map((name, at) => plain((definition.places[at] as Field<unknown>).form, fields[name]))];
}

function plain(form: Form, value: unknown): unknown {
  if (value === null) return null;
  if (form.is === 'maybe') return plain(form.of, value);
  if (form.is === 'list') return (value as unknown[]).map((one) => plain(form.of, one));
  if (form.is === 'row') return form.names.map((name, at) => plain((form.places[at] as Field<unknown>).form, (value as Record<string, unknown>)[name]));
  if (form.is === 'frame') return wireOfFrame(form.of.find(({ kind }) => kind === (value as { kind: string }).kind) as AnyFrame, value as object);
  return value;
}
