/** What numbers differ in, added up over many. */
export interface ErrorSum {
  /** Squared differences, and squares of what is expected. */
  difference: number;
  norm: number;
  largest: number;
  /** Elements where one is NaN or infinite, and not the other alike. */
  notFinite: number;
  count: number;
}

export const noError = (): ErrorSum => ({
  ...{ difference: 0, norm: 0, largest: 0, notFinite: 0, count: 0 },
});

/** Adds one element. */
export function addError(sum: ErrorSum, actual: number, expected: number): void {
  sum.count++;
  if (Object.is(actual, expected)) {
    if (Number.isFinite(expected)) sum.norm += expected * expected;
    return;
  }
  const difference = Math.abs(actual - expected);
  if (!Number.isFinite(difference)) {
    sum.notFinite++;
    return;
  }
  sum.difference += difference * difference;
  sum.norm += expected * expected;
  sum.largest = Math.max(sum.largest, difference);
}

/**
 * How much further than all on average a single element may be: one wrong element of millions
 * shows in no average.
 */
const largestFactor = 30;

/**
 * What is wrong, as one phrase; undefined where all is right: the relative error (L2) is at most
 * `tolerance`, and no element is further from what is expected than 30 times that, as part of the
 * mean size of the elements (root of the mean square).
 */
export function problemWith(sum: ErrorSum, tolerance: number): string | undefined {
  if (sum.notFinite > 0) {
    return `NaN or not written: ${sum.notFinite} of ${sum.count} elements`;
  }
  const relative = Math.sqrt(sum.difference / (sum.norm || 1));
  if (!(relative <= tolerance)) return `relative error ${shown(relative)}, allowed ${tolerance}`;
  const size = Math.sqrt((sum.norm || 1) / Math.max(1, sum.count));
  const most = largestFactor * tolerance * size;
  if (sum.largest <= most) return undefined;
  return `one element is ${shown(sum.largest)} off, allowed ${shown(most)}`;
}

const shown = (value: number): string => value.toPrecision(2);
