// Ids that were read lately. One that comes again is the same string: not made, checked and hashed anew for every frame that names it.
import { type IdKind, type IdOf, idLength } from '../structures/ids.ts';

/** For each kind of id, at about 50 bytes each. */
const slots = 8_192;
const { charCodeAt } = String.prototype; // see writer.ts

export class RecentIds {
  readonly #of: Readonly<Record<IdKind, string[]>> = { user: empty(), device: empty(), chat: empty() };

  /** The id whose letters begin at `start`, where there are at least 21; '' where it was not read lately. */
  find(kind: IdKind, bytes: Uint8Array, start: number): IdOf<IdKind> | '' {
    const known = this.#of[kind][slotOf(bytes, start)] as string;
    if (known === '') return '';
    for (let at = 0; at < idLength; at += 1) if (charCodeAt.call(known, at) !== bytes[start + at]) return '';
    return known as IdOf<IdKind>;
  }

  /** An id that is well-formed, in place of another that began much like it. */
  keep(kind: IdKind, id: IdOf<IdKind>, bytes: Uint8Array, start: number): void {
    this.#of[kind][slotOf(bytes, start)] = id;
  }
}

function empty(): string[] {
  return new Array<string>(slots).fill('');
}

/** Ids are drawn or hashed, so any of their letters do; each has six bits, most of them low. */
function slotOf(bytes: Uint8Array, start: number): number {
  const low = (bytes[start + 1] as number) + (bytes[start + 2] as number) * 67;
  return (low + (bytes[start + 3] as number) * 4_489 + (bytes[start + 4] as number) * 31) & (slots - 1);
}
