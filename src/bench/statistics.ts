/** What a list of times says. The spread is p10 to p90 from ten values on, else min to max. */
export interface Spread {
  readonly count: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly kind: "p10..p90" | "min..max";
}

/** The median and spread of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const many = sorted.length >= 10;
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    low: quantile(sorted, many ? 0.1 : 0),
    high: quantile(sorted, many ? 0.9 : 1),
    kind: many ? "p10..p90" : "min..max",
  };
}

/** Linear between the two nearest values, as NumPy's default. */
function quantile(sorted: readonly number[], q: number): number {
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (position - below);
}
