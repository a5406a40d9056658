import type { TensorType } from "../graph/index.ts";
import { matmulDirect } from "../kernels/matmul-direct.ts";
import { matmulRows } from "../kernels/matmul-rows.ts";
import { matmulTile } from "../kernels/matmul-tile.ts";
import { type Product, productOf } from "../kernels/product.ts";
import {
  broadcast,
  broadcastStrides,
  formatShape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from "../tensor/index.ts";
import { float, int } from "./attributes.ts";
import { random, weight } from "./case.ts";
import { defineOp, type Elements } from "./define.ts";
import { spreadTo } from "./pointwise.ts";

const kernels = [matmulTile, matmulRows, matmulDirect];

/** The output's size, and each of its elements by flat index. */
function multiplication(a: Elements, b: Elements, p: Product) {
  const { M, N, depth } = p;
  const [stridesA, stridesB] = [p.batchA, p.batchB].map((s) => broadcastStrides(s, p.batch));
  const entries = stridesOf(p.batch);
  const at = (index: number): number => {
    const entry = Math.floor(index / (M * N));
    const m = Math.floor(index / N) % M;
    const n = index % N;
    const offset = (strides: number[]) =>
      p.batch.reduce((o, s, i) => o + (Math.floor(entry / entries[i]!) % s) * strides[i]!, 0);
    const fromA = offset(stridesA!) * M * depth;
    const fromB = offset(stridesB!) * N * depth;
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const atA = p.transA ? k * M + m : m * depth + k;
      const atB = p.transB ? n * depth + k : k * N + n;
      sum += a.data[fromA + atA]! * b.data[fromB + atB]!;
    }
    return sum;
  };
  return { size: sizeOf(p.batch) * M * N, at };
}

/** A scaled product and a scaled third matrix, element by element. */
function linear(
  [a, b, c]: readonly (Elements | undefined)[],
  { alpha, beta, transA, transB }: LinearAttributes,
  out: TensorType,
) {
  const p = productOf(a!.dims, b!.dims, transA === 1, transB === 1);
  const { size, at } = multiplication(a!, b!, p);
  const bias = c && spreadTo(c, out.dims);
  return { size, at: (i: number) => alpha * at(i) + (bias ? beta * bias[i]! : 0) };
}

interface LinearAttributes {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

/** The shape of a MatMul's output: batches broadcast, axes of vectors left out, as in NumPy. */
function matmulShape(a: Shape, b: Shape): number[] {
  productOf(a, b);
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2))!;
  return [...batch, ...(a.length > 1 ? [a.at(-2)!] : []), ...(b.length > 1 ? [b.at(-1)!] : [])];
}

export const matmul = defineOp({
  name: "MatMul",
  opsets: [1, 9, 13],
  summary: "matrix product over the last two axes, batches broadcast",
  attributes: {},
  inputs: [2, 2],
  infer({ inputs: [a, b] }) {
    if (a!.dims.length === 0 || b!.dims.length === 0) throw new Error("a scalar is no matrix");
    return [{ dtype: a!.dtype, dims: matmulShape(a!.dims, b!.dims) }];
  },
  reference([a, b]) {
    const { size, at } = multiplication(a!, b!, productOf(a!.dims, b!.dims));
    return [new Float64Array(size).map((_, i) => at(i))];
  },
  referenceAt([a, b], _attributes, _outputs, indices) {
    return Float64Array.from(indices, multiplication(a!, b!, productOf(a!.dims, b!.dims)).at);
  },
  flop: ([a], y) => 2 * sizeOf(y) * a!.at(-1)!,
  kernels,
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "worked by hand",
      inputs: [
        { dims: [2, 2], values: [1, 2, 3, 4] },
        { dims: [2, 2], values: [5, 6, 7, 8] },
      ],
      expected: [[19, 22, 43, 50]],
    },
    { name: "tiles", inputs: [random([33, 20]), weight([20, 36])] },
    { name: "tiles, both computed", inputs: [random([33, 20]), random([20, 36])] },
    { name: "one row, known weights", inputs: [random([1, 50]), weight([50, 7])] },
    { name: "batches broadcast", inputs: [random([2, 1, 3, 5]), random([4, 5, 6])] },
    { name: "batch of A alone", inputs: [random([2, 9, 8]), weight([8, 12])] },
    { name: "vectors", inputs: [random([5]), random([5])] },
    { name: "vector and matrix", inputs: [random([5]), random([3, 5, 2])] },
  ],
});

export const gemm = defineOp({
  name: "Gemm",
  opsets: [6, 7, 9, 11, 13],
  summary: "alpha A B + beta C, A and B may be transposed: a linear layer",
  attributes: { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) },
  inputs: [2, 3],
  infer({ inputs: [a, b, c], attributes }) {
    if (a!.dims.length !== 2 || b!.dims.length !== 2) throw new Error("A and B must be matrices");
    const { M, N } = productOf(a!.dims, b!.dims, attributes.transA === 1, attributes.transB === 1);
    const dims = [M, N];
    const fitted = c && broadcast(c.dims, dims);
    if (c && !(fitted && sameShape(fitted, dims))) {
      throw new Error(`C is ${formatShape(c.dims)} and does not broadcast to ${formatShape(dims)}`);
    }
    return [{ dtype: a!.dtype, dims }];
  },
  reference(inputs, attributes, [out]) {
    const { size, at } = linear(inputs, attributes, out!);
    return [new Float64Array(size).map((_, i) => at(i))];
  },
  referenceAt: (inputs, attributes, [out], indices) =>
    Float64Array.from(indices, linear(inputs, attributes, out!).at),
  flop: ([a], y) => 2 * sizeOf(a!) * y[1]!,
  kernels,
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "linear layer, one row",
      inputs: [random([1, 64]), weight([10, 64]), weight([10])],
      attributes: { transB: 1 },
    },
    {
      name: "linear layer, odd depth",
      inputs: [random([3, 37]), weight([9, 37]), weight([9])],
      attributes: { transB: 1 },
    },
    {
      name: "linear layer, tiles",
      inputs: [random([40, 36]), weight([44, 36]), weight([44])],
      attributes: { transB: 1 },
    },
    { name: "many rows, odd columns", inputs: [random([19, 16]), weight([16, 5])] },
    {
      name: "A transposed",
      inputs: [random([6, 9]), random([6, 4]), random([9, 1])],
      attributes: { transA: 1 },
    },
    {
      name: "all transposed, computed",
      inputs: [random([6, 9]), random([4, 6])],
      attributes: { transA: 1, transB: 1 },
    },
    {
      name: "scaled",
      inputs: [random([9, 8]), weight([8, 12]), weight([1, 12])],
      attributes: { alpha: 0.5, beta: -2 },
    },
    {
      name: "scalar C",
      inputs: [random([2, 3]), weight([3, 4]), { dims: [], values: [3], constant: true }],
    },
  ],
});
