import type { Tensor } from "../tensor/index.ts";

/** ||actual - expected|| / ||expected||; NaN where `actual` holds one that `expected` does not. */
export function relativeError(actual: Tensor, expected: Tensor): number {
  const [a, b] = [actual.toNumbers(), expected.toNumbers()];
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    if (!Object.is(a[i], b[i])) difference += (a[i]! - b[i]!) ** 2;
    if (Number.isFinite(b[i])) norm += b[i]! ** 2;
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

/** The largest relative error (L2) that counts as equal, by what values are stored as. */
export const tolerances = { f32: 1e-4, f16: 1e-2, f16acc32: 1e-2 } as const;
