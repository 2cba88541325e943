// What only the server itself can tell: how often it has waited for the disk, how late its event loop was.

const answerMsMax = 5_000;

export interface ServerSays {
  /** Completed so far; null where it keeps nothing. */
  readonly fdatasyncs: number | null;
  /** Since it was asked last; null where it does not say. */
  readonly loopLagP99Ms: number | null;
  readonly loopLagMaxMs: number | null;
}

/** Null where the server has no metrics, or does not answer: the figures are missing, the run is not. */
export async function saidBy(metricsUrl: string | undefined): Promise<ServerSays | null> {
  if (metricsUrl === undefined) return null;
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(answerMsMax) });
    return response.ok ? saysIn(await response.text()) : null;
  } catch {
    return null;
  }
}

/** From the Prometheus text. */
export function saysIn(text: string): ServerSays {
  return {
    fdatasyncs: fdatasyncsIn(text),
    loopLagP99Ms: lagMs(text, 'p99'),
    loopLagMaxMs: lagMs(text, 'max'),
  };
}

/** A counter named for fdatasync, or the count of a histogram of their durations. */
export function fdatasyncsIn(text: string): number | null {
  const line = text.match(/^parley_\w*fdatasync\w*_(?:total|count)(?:\{[^}]*\})? ([0-9.eE+]+)$/m);
  return line ? Number(line[1]) : null;
}

function lagMs(text: string, stat: string): number | null {
  const line = text.match(new RegExp(`^parley_event_loop_lag_seconds\\{stat="${stat}"\\} ([0-9.eE+-]+)$`, 'm'));
  return line ? Number(line[1]) * 1_000 : null;
}
