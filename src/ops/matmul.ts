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
} from "../tensor/index.ts";
import { float, int } from "./attributes.ts";
import { random, weight } from "./case.ts";
import { defineOp, type Ndarray } from "./define.ts";
import { forEachIndex } from "./loops.ts";
import { spreadTo } from "./pointwise.ts";

const kernels = [matmulTile, matmulRows, matmulDirect];

function multiply(a: Ndarray, b: Ndarray, p: Product): Float64Array {
  const { M, N, depth } = p;
  const out = new Float64Array(sizeOf(p.batch) * M * N);
  const [stridesA, stridesB] = [p.batchA, p.batchB].map((s) => broadcastStrides(s, p.batch));
  forEachIndex(p.batch, (index, entry) => {
    const offset = (strides: number[]) => index.reduce((sum, at, i) => sum + at * strides[i]!, 0);
    const fromA = offset(stridesA!) * M * depth;
    const fromB = offset(stridesB!) * N * depth;
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          const atA = p.transA ? k * M + m : m * depth + k;
          const atB = p.transB ? n * depth + k : k * N + n;
          sum += a.data[fromA + atA]! * b.data[fromB + atB]!;
        }
        out[(entry * M + m) * N + n] = sum;
      }
    }
  });
  return out;
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
  reference: ([a, b]) => [multiply(a!, b!, productOf(a!.dims, b!.dims))],
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
  reference([a, b, c], { alpha, beta, transA, transB }, [out]) {
    const product = multiply(a!, b!, productOf(a!.dims, b!.dims, transA === 1, transB === 1));
    const bias = c && spreadTo(c, out!.dims);
    return [product.map((v, i) => alpha * v + (bias ? beta * bias[i]! : 0))];
  },
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
