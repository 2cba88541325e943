// The log: one JSON line per happening. Secrets, tokens and bodies are taken out here, at whatever depth a caller has put them.
import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Plain text, or fields and a text; `err` is the field for an error. Nothing is interpolated into the text. */
export interface Say {
  (text: string): void;
  (fields: object, text: string): void;
}

export interface Log {
  readonly trace: Say;
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  /** Is written out before it returns. */
  readonly fatal: Say;
  /** The same log, with these fields in every line. */
  child(fields: object): Log;
  /** Resolves when everything said so far has been written out. An ordinary exit of the process does it too. */
  flush(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** For people at a terminal; JSON all the same where pino-pretty is not installed. */
  readonly pretty?: boolean;
  /** Standard output if there is none. */
  readonly destination?: DestinationStream;
}

/** Names of fields whose values never reach a line. */
const secret = /token|passw|passphrase|secret|authorization|cookie|credential|private|^otp$|^jwt$|bod(y|ies)$|^content$|^contents$|payload|^text$|^frames?$|^title$/i;
/** What gives a secret away inside of a text: a bearer's token, a JWT, a password or token in a URL or a form. */
const secretInText = /(bearer\s+)\S+|eyJ[\w-]{5,}\.[\w-]+\.[\w-]*(?:~[\w-]*)?|((?:token|passw(?:or)?d|secret)["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi;
const removed = '[removed]';
const depthMax = 6;
const itemsMax = 50;
const textMax = 4_096;
/** Lines gather up to this, or up to a second. */
const gatherBytes = 4_096;
const gatherMsMax = 1_000;

/** The value as a line may show it: plain data, without secrets, cut where it is endless. */
export function publicForm(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return publicText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return value;
  if (depth >= depthMax) return '[deeper]';
  if (value instanceof Error) return publicForm(plainError(value), depth);
  if (Array.isArray(value) || value instanceof Set) return [...value].slice(0, itemsMax).map((item) => publicForm(item, depth + 1));
  const entries = value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as const) : Object.entries(value);
  return Object.fromEntries(entries.slice(0, itemsMax).map(([key, item]) => [key, secret.test(key) ? removed : publicForm(item, depth + 1)]));
}

function publicText(text: string): string {
  return text.slice(0, textMax).replace(secretInText, (_match, bearer?: string, named?: string) => `${bearer ?? named ?? ''}${removed}`);
}

/** An error's own fields can hold what it was about (a request, a row); they are judged like any others. */
function plainError(error: Error): object {
  const { raw: _, ...plain } = stdSerializers.errWithCause(error);
  return plain;
}

export function createLog({ level, pretty = false, destination }: LogOptions): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (err) => err }, // publicForm has made it plain
    hooks: {
      logMethod([first, ...rest], method) {
        const said = first instanceof Error ? { err: first } : first;
        method.apply(this, [publicForm(said), ...rest.map((more) => publicForm(more))] as Parameters<typeof method>);
      },
    },
  };
  const lines = destination ?? (pretty ? prettyLines() : undefined) ?? pino.destination({ sync: false, minLength: gatherBytes, periodicFlush: gatherMsMax });
  return logOf(pino(options, lines));
}

function logOf(logger: Logger): Log {
  const say = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'): Say => logger[level].bind(logger) as Say;
  return {
    trace: say('trace'),
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    fatal: say('fatal'),
    child: (fields) => logOf(logger.child(publicForm(fields) as object)),
    flush: () =>
      new Promise((resolve, reject) => {
        // Written is enough: a pipe or a terminal cannot be synced, and says so.
        logger.flush((error?: NodeJS.ErrnoException) => (error !== undefined && error !== null && error.syscall !== 'fsync' ? reject(error) : resolve()));
      }),
  };
}

/** Undefined where pino-pretty is not installed: it is for development. */
function prettyLines(): DestinationStream | undefined {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('pino-pretty');
  } catch {
    return undefined;
  }
  const pinoPretty = require('pino-pretty') as (options: object) => DestinationStream;
  return pinoPretty({ sync: true, colorize: process.stdout.isTTY, singleLine: true, translateTime: 'HH:MM:ss.l' });
}
