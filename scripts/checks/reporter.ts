// What happens in a test file, told to who runs it (file.ts) as it happens: a line of JSON each on file descriptor 3.
import { writeSync } from 'node:fs';
import type { TestsStream } from 'node:test';
import { inspect } from 'node:util';

export type Told =
  | { readonly kind: 'began' | 'over'; readonly test: string }
  | { readonly kind: 'passed' | 'skipped' | 'todo'; readonly test: string }
  | { readonly kind: 'failed' | 'cancelled'; readonly test: string; readonly place: string; readonly error: string }
  | { readonly kind: 'said'; readonly text: string };

/** Node tells its counts in this form too. */
const isCount = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

// biome-ignore lint/style/noDefaultExport: Node asks for it
export { tell as default };

type Event = TestsStream extends AsyncIterable<infer One> ? One : never;

// biome-ignore lint/correctness/useYield: Node wants a generator; this one writes by itself, so that nothing is lost when the process is ended
async function* tell(events: AsyncIterable<Event>): AsyncGenerator<never> {
  for await (const event of events) {
    const told = toldOf(event);
    if (told !== undefined) writeSync(3, `${JSON.stringify(told)}\n`);
  }
}

function toldOf({ type, data }: Event): Told | undefined {
  switch (type) {
    case 'test:dequeue':
      return { kind: 'began', test: nameOf(data) };
    case 'test:complete':
      return { kind: 'over', test: nameOf(data) };
    case 'test:pass':
      if (data.details.type === 'suite') return undefined;
      return { kind: data.skip !== undefined ? 'skipped' : data.todo !== undefined ? 'todo' : 'passed', test: data.name };
    case 'test:fail': {
      const error = data.details.error as Error & { readonly failureType?: string };
      if (error.failureType === 'subtestsFailed') return undefined; // those have been told
      const kind = error.failureType === 'cancelledByParent' ? 'cancelled' : 'failed';
      return { kind, test: data.name, place: `${shortOf(data.file ?? '')}:${data.line}`, error: inspect(error.cause ?? error, { depth: 6 }) };
    }
    case 'test:diagnostic':
      return isCount.test(data.message) ? undefined : { kind: 'said', text: data.message };
    default:
      return undefined;
  }
}

function nameOf({ name, line }: { readonly name: string; readonly line?: number }): string {
  return line === undefined ? name : `${name} (line ${line})`;
}

export function shortOf(file: string): string {
  return file.slice(Math.max(0, file.lastIndexOf('/test/') + 1));
}
