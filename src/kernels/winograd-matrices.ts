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
const filterMatrix: readonly (readonly number[])[] = [
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
function rowTimes(row: readonly number[], v: readonly string[]): string {
  const terms = row.flatMap((factor, i) => {
    if (factor === 0) return [];
    const sign = factor < 0 ? "-" : "+";
    const size = Math.abs(factor);
    return [`${sign} ${size === 1 ? v[i] : `${size}.0 * ${v[i]}`}`];
  });
  return terms.join(" ").replace(/^\+ /, "");
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * WGSL statements for `matrix * tile * matrix^T` of a 6x6 tile of vec4<f32>: `load` gives the
 * expression of an element of the tile, `store` the statement that stores one of the result.
 */
export function transformTile(
  matrix: readonly (readonly number[])[],
  load: (row: number, col: number) => string,
  store: (row: number, col: number, value: string) => string,
): string {
  const half = (row: number, col: number) => `t${row}_${col}`;
  const rows = range(matrix.length);
  const names = rows.flatMap((row) => range(6).map((col) => half(row, col)));
  const columns = range(6).map((col) => {
    const v = range(6).map((row) => `v${row}`);
    const loads = v.map((name, row) => `let ${name} = ${load(row, col)};`);
    const sums = rows.map((row) => `${half(row, col)} = ${rowTimes(matrix[row]!, v)};`);
    return `  {\n    ${[...loads, ...sums].join("\n    ")}\n  }`;
  });
  const stores = rows.flatMap((row) => {
    const v = range(6).map((col) => half(row, col));
    return rows.map((col) => `  ${store(row, col, rowTimes(matrix[col]!, v))}`);
  });
  const declared = names.map((name) => `  var ${name}: vec4<f32>;`);
  return [...declared, ...columns, ...stores].join("\n");
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

/** WGSL for `transformFilter`: calls `load` + "j)" and `store` + "i * step, value);" for i, j. */
export function transformFilterCode(load: string, store: string, step: string): string {
  const row = (factors: readonly number[], v: readonly string[]) =>
    factors
      .map((factor, i) => `${v[i]} * ${factor}`)
      .filter((_, i) => factors[i] !== 0)
      .join(" + ");
  const half = range(6).flatMap((i) =>
    range(3).map((j) => {
      const column = range(3).map((k) => `g${3 * k + j}`);
      return `  let t${i}_${j} = ${row(filterMatrix[i]!, column)};`;
    }),
  );
  const stores = range(6).flatMap((i) =>
    range(6).map((j) => {
      const value = row(
        filterMatrix[j]!,
        range(3).map((k) => `t${i}_${k}`),
      );
      return `  ${store}${6 * i + j}u * ${step}, ${value});`;
    }),
  );
  const loads = range(9).map((j) => `  let g${j} = ${load}${j}u);`);
  return [...loads, ...half, ...stores].join("\n");
}
