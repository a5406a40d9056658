/**
 * The matrices of Winograd's minimal filtering F(m x m, 3 x 3): a tile of n x n inputs, n = m + 2,
 * gives m x m outputs with n^2 multiplications instead of 9 m^2.
 * (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, sections 4.1, 4.3.)
 */
export interface Winograd {
  /** Outputs and inputs of a tile along one side. */
  readonly m: number;
  readonly n: number;
  /** Transforms a tile of inputs: `input * tile * input^T`. */
  readonly input: Matrix;
  /** Transforms a filter: `filter * weights * filter^T`. */
  readonly filter: Matrix;
  /** Transforms the products back: `output * products * output^T`. */
  readonly output: Matrix;
}

type Matrix = readonly (readonly number[])[];

/** 16 multiplications instead of 36. */
const f2: Winograd = {
  m: 2,
  n: 4,
  input: [
    [1, 0, -1, 0],
    [0, 1, 1, 0],
    [0, -1, 1, 0],
    [0, 1, 0, -1],
  ],
  filter: [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 0],
    [0, 1, -1, -1],
  ],
};

/** 36 multiplications instead of 144. */
const f4: Winograd = {
  m: 4,
  n: 6,
  input: [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
  ],
  filter: [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
  ],
};

/** By the outputs of a tile along one side. */
export const winograds: Readonly<Record<2 | 4, Winograd>> = { 2: f2, 4: f4 };

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
 * WGSL statements for `matrix * tile * matrix^T` of a square tile of vec4<f32>: `load` gives the
 * expression of an element of the tile, `store` the statement that stores one of the result.
 */
export function transformTile(
  matrix: readonly (readonly number[])[],
  load: (row: number, col: number) => string,
  store: (row: number, col: number, value: string) => string,
): string {
  const half = (row: number, col: number) => `t${row}_${col}`;
  const rows = range(matrix.length);
  const side = range(matrix[0]!.length);
  const names = rows.flatMap((row) => side.map((col) => half(row, col)));
  const columns = side.map((col) => {
    const v = side.map((row) => `v${row}`);
    const loads = v.map((name, row) => `let ${name} = ${load(row, col)};`);
    const sums = rows.map((row) => `${half(row, col)} = ${rowTimes(matrix[row]!, v)};`);
    return `  {\n    ${[...loads, ...sums].join("\n    ")}\n  }`;
  });
  const stores = rows.flatMap((row) => {
    const v = side.map((col) => half(row, col));
    return rows.map((col) => `  ${store(row, col, rowTimes(matrix[col]!, v))}`);
  });
  const declared = names.map((name) => `  var ${name}: vec4<f32>;`);
  return [...declared, ...columns, ...stores].join("\n");
}

/**
 * Writes `filter * weights * filter^T` of the 3x3 weights at `from[at]` to `to[start + i * step]`,
 * i from 0 to n^2 - 1.
 */
export function transformFilter(
  { filter, n }: Winograd,
  from: ArrayLike<number>,
  at: number,
  to: { [index: number]: number },
  start: number,
  step: number,
): void {
  for (let i = 0; i < n; i++) {
    const [a, b, c] = filter[i] as [number, number, number];
    const x = a * from[at]! + b * from[at + 3]! + c * from[at + 6]!;
    const y = a * from[at + 1]! + b * from[at + 4]! + c * from[at + 7]!;
    const z = a * from[at + 2]! + b * from[at + 5]! + c * from[at + 8]!;
    for (let j = 0; j < n; j++) {
      const [d, e, f] = filter[j] as [number, number, number];
      to[start + (n * i + j) * step] = d * x + e * y + f * z;
    }
  }
}

/** WGSL for `transformFilter`: calls `load` + "j)" and `store` + "i * step, value);" for i, j. */
export function transformFilterCode(
  { filter, n }: Winograd,
  load: string,
  store: string,
  step: string,
): string {
  const row = (factors: readonly number[], v: readonly string[]) =>
    factors
      .map((factor, i) => `${v[i]} * ${factor}`)
      .filter((_, i) => factors[i] !== 0)
      .join(" + ");
  const half = range(n).flatMap((i) =>
    range(3).map((j) => {
      const column = range(3).map((k) => `g${3 * k + j}`);
      return `  let t${i}_${j} = ${row(filter[i]!, column)};`;
    }),
  );
  const stores = range(n).flatMap((i) =>
    range(n).map((j) => {
      const halves = range(3).map((k) => `t${i}_${k}`);
      return `  ${store}${n * i + j}u * ${step}, ${row(filter[j]!, halves)});`;
    }),
  );
  const loads = range(9).map((j) => `  let g${j} = ${load}${j}u);`);
  return [...loads, ...half, ...stores].join("\n");
}
