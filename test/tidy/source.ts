// Looks at a TypeScript source without a compiler: its bare code, its imports, its functions. Enough for the tidy rules, and quick.

export interface Import {
  readonly from: string;
  readonly line: number;
}

export interface NamedFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** The same text, letter for letter as long, with comments and the insides of texts and patterns blanked out. */
export function bareCode(text: string): string {
  const out = text.split('');
  const nesting: number[] = []; // for each open `${`, how many braces are open within it
  let at = 0;
  const blank = (until: number): void => {
    for (; at < until && at < out.length; at += 1) if (out[at] !== '\n') out[at] = ' ';
  };
  const template = (): void => {
    const end = endOfTemplate(text, at);
    const opens = text.startsWith('${', end);
    blank(end);
    at += opens ? 2 : 1;
    if (opens) nesting.push(0);
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text.charAt(at);
    const depth = nesting.length - 1;
    if (two === '//') blank(endOf(text, '\n', at));
    else if (two === '/*') blank(endOf(text, '*/', at) + 2);
    else if (one === "'" || one === '"') {
      at += 1;
      blank(endOfQuoted(text, one, at));
      at += 1;
    } else if (one === '`') {
      at += 1;
      template();
    } else if (one === '/' && beginsPattern(out, at)) {
      at += 1;
      blank(endOfPattern(text, at));
      at += 1;
    } else if (one === '}' && depth >= 0 && nesting[depth] === 0) {
      nesting.pop();
      at += 1;
      template();
    } else {
      if (depth >= 0 && one === '{') nesting[depth] = (nesting[depth] as number) + 1;
      if (depth >= 0 && one === '}') nesting[depth] = (nesting[depth] as number) - 1;
      at += 1;
    }
  }
  return out.join('');
}

/** Everything that is imported or re-exported, statically or not. */
export function importsOf(text: string, code: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])/g)) {
    const start = match.index + match[0].length;
    found.push({ from: text.slice(start, text.indexOf(match[1] as string, start)), line: lineOf(text, match.index) });
  }
  return found;
}

/** Functions and methods with a body, and arrows with one; what has no name goes by its line. */
export function functionsOf(code: string): readonly NamedFunction[] {
  const found: NamedFunction[] = [];
  const add = (name: string | undefined, start: number, open: number): void => {
    const line = lineOf(code, start);
    found.push({ name: name ?? `the one in line ${line}`, line, lines: lineOf(code, closing(code, open)) - line + 1 });
  };
  for (const match of code.matchAll(/(?:\bfunction\s*\*?\s*([\w$]+)?|^[ \t]+(?:(?:static|async|get|set|override|public|private)\s+)*\*?\s*([#\w$]+))\s*(?:<[^<>(){}]*>)?\s*\(/gm)) {
    const [whole, named, method] = match;
    if (method !== undefined && /^(?:if|for|while|switch|catch|with|return|await|function|super)$/.test(method)) continue;
    const open = bodyAfter(code, closing(code, match.index + whole.length - 1) + 1);
    if (open !== undefined) add(named ?? method, match.index + (/^\s*/.exec(whole)?.[0].length ?? 0), open);
  }
  for (const match of code.matchAll(/=>\s*\{/g)) {
    const line = code.slice(code.lastIndexOf('\n', match.index) + 1, match.index);
    add(/(?:const|let)\s+([\w$]+)\s*(?::[^=]+)?=/.exec(line)?.[1], match.index, match.index + match[0].length - 1);
  }
  return found;
}

export function lineOf(text: string, at: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index >= 0 && index < at; index = text.indexOf('\n', index + 1)) line += 1;
  return line;
}

/** Where the body opens after a parameter list; undefined where there is none (a call, an overload, a type). */
function bodyAfter(code: string, from: number): number | undefined {
  let at = from + (/^\s*/.exec(code.slice(from))?.[0].length ?? 0);
  if (code.charAt(at) === '{') return at;
  if (code.charAt(at) !== ':') return undefined;
  for (at += 1; at < code.length; at += 1) {
    const one = code.charAt(at);
    if (one === ';' || one === '=' || one === ',' || one === ')' || one === '}') return undefined;
    if (one === '(' || one === '[') at = closing(code, at);
    if (one === '<') at = closing(code, at);
    if (one !== '{') continue;
    if (!/[:|&]\s*$/.test(code.slice(from, at))) return at; // else it is a type between braces
    at = closing(code, at);
  }
  return undefined;
}

function closing(code: string, open: number): number {
  const opens = code.charAt(open);
  const closes = { '{': '}', '(': ')', '[': ']', '<': '>' }[opens] as string;
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    const one = code.charAt(at);
    if (one === opens) depth += 1;
    else if (one === closes && !(closes === '>' && code.charAt(at - 1) === '=')) depth -= 1;
    if (depth === 0) return at;
  }
  return code.length - 1;
}

function endOf(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}

function endOfQuoted(text: string, quote: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at) !== quote && text.charAt(at) !== '\n') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}

function endOfTemplate(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at) !== '`' && !text.startsWith('${', at)) at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}

function endOfPattern(text: string, from: number): number {
  let inClass = false;
  let at = from;
  for (; at < text.length && text.charAt(at) !== '\n'; at += 1) {
    const one = text.charAt(at);
    if (one === '\\') at += 1;
    else if (one === '[') inClass = true;
    else if (one === ']') inClass = false;
    else if (one === '/' && !inClass) break;
  }
  return at;
}

/** A slash divides after a value, and opens a pattern elsewhere. */
function beginsPattern(out: readonly string[], slash: number): boolean {
  let at = slash - 1;
  while (at >= 0 && /\s/.test(out[at] as string)) at -= 1;
  if (at < 0) return true;
  if (/[\w$]/.test(out[at] as string)) {
    const word = /[\w$]+$/.exec(out.slice(Math.max(0, at - 12), at + 1).join(''))?.[0] ?? '';
    return /^(?:return|typeof|case|in|of|void|delete|await|yield)$/.test(word);
  }
  return !/[)\]}'"`]/.test(out[at] as string);
}
