/** Medians, spreads and means of measured numbers. Pure functions; called by measure.ts, extras.ts and report.ts. */

/** The middle value; of an even count the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** From the least to the greatest, as a part of the median: 0 when all are equal, NaN of nothing. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** NaN of nothing. */
export function geometricMean(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/**
 * Of a set of measured numbers: a tenth are at most `p10` (what nothing else disturbed), half at most `p50`, ninety-nine in
 * a hundred at most `p99`. NaN of nothing.
 */
export interface Quantiles {
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { p10: at(0.1), p50: at(0.5), p99: at(0.99), max: at(1) };
}
