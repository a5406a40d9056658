import type { Problem } from "../kernels/kernel.ts";
import { type Rows, type Rowwise, rowwiseKernel } from "../kernels/rowwise.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { type CaseInput, type OpCase, random } from "./case.ts";
import { defineOp, type Ndarray, type Op } from "./define.ts";

function rowsAlong(dims: Shape, axis: number): Rows {
  const at = normalizeAxis(axis, dims.length);
  return { outer: sizeOf(dims.slice(0, at)), count: dims[at]!, inner: sizeOf(dims.slice(at + 1)) };
}

const rowsOfProblem = ({ inputs, attributes }: Problem) =>
  rowsAlong(inputs[0]!.dims, attributes.axis as number);

/** Declares softmax or its logarithm; both subtract the row's largest element first. */
function defineSoftmax(
  name: string,
  summary: string,
  result: Rowwise["result"],
  compute: (shifted: number, sum: number) => number,
  cases: readonly OpCase[],
): Op {
  return defineOp({
    name,
    opsets: [1, 11, 13],
    summary,
    attributes: { axis: int(-1) },
    inputs: [1, 1],
    infer({ inputs, attributes: { axis } }) {
      normalizeAxis(axis, inputs[0]!.dims.length);
      return [inputs[0]!];
    },
    reference: ([x], { axis }) => [mapRows(x!, rowsAlong(x!.dims, axis), compute)],
    kernels: [
      rowwiseKernel({
        name: name.toLowerCase(),
        rows: rowsOfProblem,
        first: { combine: "max", map: (x) => x },
        second: { combine: "+", map: (x, largest) => `exp(${x} - ${largest})` },
        result,
      }),
    ],
    permuteAxes({ permutation, attributes: { axis } }) {
      return { attributes: { axis: permutation.indexOf(normalizeAxis(axis, permutation.length)) } };
    },
    traits: { acceptsEpilogue: true, layout: "axes" },
    cases,
  });
}

/** Applies `compute` to every element less its row's largest, and the sum of their exponentials. */
function mapRows(
  { data }: Ndarray,
  { outer, count, inner }: Rows,
  compute: (shifted: number, sum: number) => number,
): Float64Array {
  const out = new Float64Array(data.length);
  for (let row = 0; row < outer * inner; row++) {
    const base = Math.floor(row / inner) * count * inner + (row % inner);
    const at = Array.from({ length: count }, (_, r) => base + r * inner);
    const largest = at.reduce((m, i) => Math.max(m, data[i]!), Number.NEGATIVE_INFINITY);
    const sum = at.reduce((s, i) => s + Math.exp(data[i]! - largest), 0);
    for (const i of at) out[i] = compute(data[i]! - largest, sum);
  }
  return out;
}

/** ONNX's example for stability: the second row is the first plus 10000. */
const large: CaseInput = { dims: [2, 4], values: [0, 1, 2, 3, 10000, 10001, 10002, 10003] };

/** `worked`: the results for 0, 1, 2, 3. */
function casesOf(worked: readonly number[]): OpCase[] {
  return [
    { name: "large numbers", inputs: [large], expected: [[...worked, ...worked]] },
    {
      name: "first axis",
      inputs: [{ dims: [4, 1], values: [0, 1, 2, 3] }],
      attributes: { axis: 0 },
      expected: [worked],
    },
    { name: "channels of pictures", inputs: [random([2, 3, 5, 4])], attributes: { axis: 1 } },
  ];
}

export const softmax = defineSoftmax(
  "Softmax",
  "exp(x) over the sum of exp(x) along an axis",
  (x, largest, sum) => `exp(${x} - ${largest}) / ${sum}`,
  (shifted, sum) => Math.exp(shifted) / sum,
  [
    ...casesOf([0.03205860328008499, 0.08714431874203257, 0.23688281808991013, 0.6439142598879724]),
    { name: "classes", inputs: [random([2, 1001], [-5, 5])] },
    { name: "many short rows", inputs: [random([37, 5])] },
    { name: "odd strides", inputs: [random([2, 7, 3])], attributes: { axis: -2 } },
  ],
);

export const logSoftmax = defineSoftmax(
  "LogSoftmax",
  "logarithm of the softmax along an axis",
  (x, largest, sum) => `${x} - ${largest} - log(${sum})`,
  (shifted, sum) => shifted - Math.log(sum),
  casesOf([-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.4401896985611953]),
);
