// The one figure that only the server itself can tell: how often it has waited for the disk.

const answerMsMax = 5_000;

/** Completed fdatasyncs by the server's own count; null where it does not say. */
export async function fdatasyncsBy(metricsUrl: string | undefined): Promise<number | null> {
  if (metricsUrl === undefined) return null;
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(answerMsMax) });
    return response.ok ? fdatasyncsIn(await response.text()) : null;
  } catch {
    return null; // the figure is missing, the run is not
  }
}

/** From the Prometheus text: a counter named for fdatasync, or the count of a histogram of their durations. */
export function fdatasyncsIn(text: string): number | null {
  const line = text.match(/^parley_\w*fdatasync\w*_(?:total|count)(?:\{[^}]*\})? ([0-9.eE+]+)$/m);
  return line ? Number(line[1]) : null;
}
