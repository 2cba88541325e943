// What became of a statement that failed: the one question that matters is whether it may have been carried out.
import { errors, types } from 'cassandra-driver';

/**
 * `refused`: never was and never will be, it can't work. `absent`: certainly was not, this time. `unknown`: it may have been, or may still be.
 */
export type Outcome = 'refused' | 'absent' | 'unknown';

const { responseErrorCodes } = types;
const refusals: readonly number[] = [
  responseErrorCodes.syntaxError,
  responseErrorCodes.unauthorized,
  responseErrorCodes.invalid,
  responseErrorCodes.configError,
  responseErrorCodes.alreadyExists,
  responseErrorCodes.badCredentials,
  responseErrorCodes.protocolError,
];
/** The coordinator said no before it began. */
const absences: readonly number[] = [responseErrorCodes.unavailableException, responseErrorCodes.overloaded, responseErrorCodes.isBootstrapping, responseErrorCodes.unprepared];
const tooLarge = /mutation of [\d.]+ ?\w* is too large|exceeds? (?:the )?max(?:imum)?|frame size|maximum allowed/i;

export function outcomeOf(error: unknown): Outcome {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof errors.ArgumentError) return 'refused'; // it could not even be encoded
  if (error instanceof errors.ResponseError) {
    if (refusals.includes(error.code) || tooLarge.test(error.message)) return 'refused';
    return absences.includes(error.code) ? 'absent' : 'unknown';
  }
  if (error instanceof errors.NoHostAvailableError) return Object.values(triedIn(error)).every(wasNeverSent) ? 'absent' : 'unknown';
  return wasNeverSent(error) ? 'absent' : 'unknown';
}

/** Why each node was passed over. The driver has none where it is already shut. */
function triedIn({ innerErrors }: errors.NoHostAvailableError): Readonly<Record<string, unknown>> {
  return (innerErrors as Record<string, unknown> | null) ?? {};
}

/** Undefined, an error or a text: why that node was passed over. */
function wasNeverSent(reason: unknown): boolean {
  if (typeof reason === 'string') return true; // the node is down, by what the driver knows
  if (reason instanceof errors.BusyConnectionError) return true;
  if (reason instanceof errors.ResponseError) return absences.includes(reason.code);
  if (!(reason instanceof Error)) return false;
  // The driver throws this as a plain Error, also while it prepares a statement on a node that has just died.
  if (/^No connection available/.test(reason.message)) return true;
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'].includes((reason as NodeJS.ErrnoException).code ?? '');
}

/** In a line, without what was written: bodies and secrets stay out of logs. */
export function reasonOf(error: unknown): string {
  if (error instanceof errors.NoHostAvailableError) {
    const reasons = Object.entries(triedIn(error)).map(([host, reason]) => `${host}: ${reason instanceof Error ? reason.message : String(reason)}`);
    return reasons.length === 0 ? 'no node of the store is up' : reasons.join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

export function isAboutCredentials(error: unknown): boolean {
  if (error instanceof errors.NoHostAvailableError) return Object.values(triedIn(error)).some(isAboutCredentials);
  if (error instanceof errors.AuthenticationError) return true;
  return error instanceof errors.ResponseError && error.code === responseErrorCodes.badCredentials;
}

/** What is wrong with TLS, where waiting does not help. */
export function tlsFaultOf(error: unknown): string | undefined {
  const reasons = error instanceof errors.NoHostAvailableError ? Object.values(triedIn(error)) : [error];
  for (const reason of reasons) {
    const code = (reason as NodeJS.ErrnoException | undefined)?.code ?? '';
    if (/ALTNAME/.test(code)) return `its certificate is for another name (${code}): PARLEY_CQL_TLS_NAME says which one to expect`;
    if (/^UNABLE_TO|SELF_SIGNED|^CERT_|ERR_TLS_CERT/.test(code)) return `its certificate is not good (${code}): PARLEY_CQL_TLS_CA names who may sign it`;
    if (/^ERR_SSL_.*(?:CERTIFICATE|ALERT)/.test(code)) return `it refuses this process's certificate (${code}): look at PARLEY_CQL_TLS_CERT`;
    if (/^ERR_SSL|^EPROTO/.test(code)) return `it does not speak TLS there (${code}): set PARLEY_CQL_TLS to off, or look at the port in PARLEY_CQL`;
  }
  return undefined;
}
