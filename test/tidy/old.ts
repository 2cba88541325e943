// Code that is longer than new code may be, with its length in lines. The numbers only fall; nothing is added.
import type { Old } from './rules.ts';

export const old: Old = {};
