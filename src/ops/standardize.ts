import type { Step } from "../kernels/epilogue.ts";
import type { Problem } from "../kernels/kernel.ts";
import { literal } from "../kernels/literal.ts";
import { type Rows, rowwiseKernel } from "../kernels/rowwise.ts";
import type { Ndarray } from "./define.ts";

/** Adds epsilon and takes the inverse root: from a variance to a factor. */
export const inverseDeviation = (variance: string, epsilon: number) =>
  `inverseSqrt(${variance} + ${literal(epsilon)})`;

/** `x` with each row made to have mean 0 and variance 1; with the mean and factor of each row. */
export function standardize(x: Ndarray, { outer, count, inner }: Rows, epsilon: number) {
  const normal = new Float64Array(x.data.length);
  const means = new Float64Array(outer * inner);
  const factors = new Float64Array(outer * inner);
  for (let row = 0; row < outer * inner; row++) {
    const base = Math.floor(row / inner) * count * inner + (row % inner);
    const at = Array.from({ length: count }, (_, r) => base + r * inner);
    const mean = at.reduce((s, i) => s + x.data[i]!, 0) / count;
    const variance = at.reduce((s, i) => s + (x.data[i]! - mean) ** 2, 0) / count;
    means[row] = mean;
    factors[row] = 1 / Math.sqrt(variance + epsilon);
    for (const i of at) normal[i] = (x.data[i]! - mean) * factors[row]!;
  }
  return { normal, means, factors };
}

/** The kernel of both normalizations by the statistics of the data itself. */
export function standardizeKernel(
  name: string,
  rows: (problem: Problem) => Rows,
  steps: (problem: Problem) => readonly Step[],
) {
  return rowwiseKernel({
    name,
    rows,
    first: { combine: "+", map: (x) => x, finish: (total, count) => `${total} / ${count}` },
    second: {
      combine: "+",
      map: (x, mean) => `(${x} - ${mean}) * (${x} - ${mean})`,
      finish: (total, count) => `${total} / ${count}`,
    },
    result: (x, mean, variance, { attributes }) =>
      `(${x} - ${mean}) * ${inverseDeviation(variance, attributes.epsilon as number)}`,
    steps,
    perRow: (mean, variance, { attributes }) => [
      mean,
      inverseDeviation(variance, attributes.epsilon as number),
    ],
  });
}
