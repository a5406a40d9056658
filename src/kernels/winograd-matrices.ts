/**
 * The matrices of Winograd's minimal filtering F(4x4, 3x3): a tile of 6x6 inputs gives 4x4 outputs
 * with 36 multiplications instead of 144.
 * (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.3.)
 */

/** Transforms a tile of inputs: `input * tile * input^T`. */
export const inputMatrix: readonly (readonly number[])[] = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];

/** Transforms a filter: `filter * weights * filter^T`. */
export const filterMatrix: readonly (readonly number[])[] = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];

/** Transforms the products back: `output * products * output^T`. */
export const outputMatrix: readonly (readonly number[])[] = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** WGSL for one row of a matrix times a vector whose elements are the expressions `v`. */
export function rowTimes(row: readonly number[], v: readonly string[]): string {
  const terms = row.flatMap((factor, i) => {
    if (factor === 0) return [];
    const sign = factor < 0 ? "-" : "+";
    const size = Math.abs(factor);
    return [`${sign} ${size === 1 ? v[i] : `${size}.0 * ${v[i]}`}`];
  });
  return terms.join(" ").replace(/^\+ /, "");
}

/**
 * Writes `filter * weights * filter^T` of the 3x3 weights at `from[at]` to `to[start + i * step]`,
 * i from 0 to 35.
 */
export function transformFilter(
  from: ArrayLike<number>,
  at: number,
  to: { [index: number]: number },
  start: number,
  step: number,
): void {
  for (let i = 0; i < 6; i++) {
    const [a, b, c] = filterMatrix[i] as [number, number, number];
    const x = a * from[at]! + b * from[at + 3]! + c * from[at + 6]!;
    const y = a * from[at + 1]! + b * from[at + 4]! + c * from[at + 7]!;
    const z = a * from[at + 2]! + b * from[at + 5]! + c * from[at + 8]!;
    for (let j = 0; j < 6; j++) {
      const [d, e, f] = filterMatrix[j] as [number, number, number];
      to[start + (6 * i + j) * step] = d * x + e * y + f * z;
    }
  }
}
