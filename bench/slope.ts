// The slope of a line through points.

/** Least squares, in y per x; null where two points don't make a line yet. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number | null {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return count < 2 || below === 0 ? null : above / below;
}
