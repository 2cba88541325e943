// How things look in a terminal. What others wrote is shown, never obeyed: control characters do not reach the terminal.
import { styleText } from 'node:util';
import type { Device, Tick } from '../sdk/parley.ts';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

export function paintFor(hasColours: boolean): Paint {
  return hasColours ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

/** Control characters, and those that turn the direction of text, become a visible mark. Line breaks are kept, the lines after the first indented. */
export function plain(text: string): string {
  return text.replaceAll(/\r?\n/g, '\n    ').replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (one) => (one === '\n' ? one : one === '\t' ? ' ' : '\ufffd'));
}

/** The same on one line, cut to `max` characters. */
export function preview(text: string, max = 60): string {
  const line = plain(text).replaceAll(/\s+/g, ' ');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

export function timeOf(atMs: number): string {
  const time = new Date(atMs);
  return `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
}

export function dayOf(atMs: number): string {
  const time = new Date(atMs);
  return `${time.getFullYear()}-${String(time.getMonth() + 1).padStart(2, '0')}-${String(time.getDate()).padStart(2, '0')} ${timeOf(atMs)}`;
}

export function tickMark(tick: Tick | 'waiting', paint: Paint): string {
  switch (tick) {
    case 'waiting':
      return '…';
    case 'sent':
      return '✓';
    case 'delivered':
      return '✓✓';
    case 'read':
      return paint('blue', '✓✓ read');
  }
}

export interface ChatLine {
  readonly number: number;
  readonly name: string;
  readonly unread: number;
  readonly atMs: number;
  readonly last: string;
  readonly member: boolean;
}

export function chatLine({ number, name, unread, atMs, last, member }: ChatLine, paint: Paint): string {
  const count = unread > 0 ? paint('bold', `${unread} unread`) : '';
  return `${String(number).padStart(3)}. ${name.padEnd(20)} ${count.padEnd(10)} ${timeOf(atMs)}  ${preview(last)}${member ? '' : ' (left)'}`.trimEnd();
}

export function deviceLine({ name, createdAtMs, current }: Device): string {
  return `  ${plain(name)}, since ${dayOf(createdAtMs)}${current ? ' (this one)' : ''}`;
}
