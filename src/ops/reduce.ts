import type { Problem } from "../kernels/kernel.ts";
import { type Reduction, reduceKernel } from "../kernels/reduce.ts";
import { normalizeAxis, type Shape, Tensor } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { type CaseInput, ints, type OpCase, random } from "./case.ts";
import { defineOp, type Op } from "./define.ts";
import { groupsAlong } from "./groups.ts";

interface ReduceAttributes {
  readonly keepdims: number;
  readonly noop_with_empty_axes: number;
}

/** The axes that are reduced, counted from the front and ascending. */
function axesOf(rank: number, axes: readonly number[], attributes: ReduceAttributes): number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  if (axes.length === 0) return attributes.noop_with_empty_axes === 1 ? [] : all;
  const wanted = new Set(axes.map((axis) => normalizeAxis(axis, rank)));
  return all.filter((axis) => wanted.has(axis));
}

const axesOfProblem = ({ inputs, constants, attributes }: Problem) =>
  axesOf(
    inputs[0]!.dims.length,
    [...(constants[1]?.toNumbers() ?? [])],
    attributes as unknown as ReduceAttributes,
  );

function reducedDims(dims: Shape, axes: readonly number[], keep: boolean): number[] {
  if (keep) return dims.map((d, axis) => (axes.includes(axis) ? 1 : d));
  return dims.filter((_, axis) => !axes.includes(axis));
}

/** Declares a reduction over the axes in the second input; without it over all axes. */
function defineReduce(
  name: string,
  opsets: readonly number[],
  summary: string,
  reduction: Reduction,
  compute: (values: readonly number[]) => number,
  cases: readonly OpCase[],
): Op {
  return defineOp({
    name,
    opsets,
    summary,
    attributes: { keepdims: int(1), noop_with_empty_axes: int(0) },
    inputs: [1, 2],
    infer({ inputs, constants, attributes }) {
      const { dtype, dims } = inputs[0]!;
      if (inputs[1] && !constants[1]) throw new Error("axes are computed; they must be constant");
      const axes = axesOf(dims.length, [...(constants[1]?.toNumbers() ?? [])], attributes);
      return [{ dtype, dims: reducedDims(dims, axes, attributes.keepdims === 1) }];
    },
    reference([x, axes], attributes) {
      const chosen = axesOf(x!.dims.length, [...(axes?.data ?? [])], attributes);
      return [Float64Array.from(groupsAlong(x!, chosen), compute)];
    },
    kernels: [reduceKernel(reduction, axesOfProblem)],
    permuteAxes({ permutation, attributes, constants }) {
      if (attributes.keepdims !== 1) return undefined;
      const axes = constants[1];
      if (!axes || axes.size === 0) return {};
      const moved = Array.from(axes.toNumbers(), (axis) =>
        permutation.indexOf(normalizeAxis(axis, permutation.length)),
      );
      return { constants: new Map([[1, Tensor.from("int64", moved, axes.dims)]]) };
    },
    traits: { acceptsEpilogue: true, layout: "axes" },
    cases,
  });
}

/** ONNX's example: three 2x2 matrices, here always reduced over their rows. */
const matrices: CaseInput = { dims: [3, 2, 2], values: [5, 1, 20, 2, 30, 1, 40, 2, 55, 1, 60, 2] };

/** What every reduction is tried on beside its worked example. */
function usual(expected: readonly number[]): OpCase[] {
  return [
    { name: "rows", inputs: [matrices, ints(1)], expected: [expected] },
    {
      name: "last axis, dropped",
      inputs: [random([3, 5, 7], [0.5, 1.5]), ints(-1)],
      attributes: { keepdims: 0 },
    },
    { name: "pictures, channels last", inputs: [random([2, 3, 4, 8], [0.5, 1.5]), ints(1, 2)] },
  ];
}

export const reduceMean = defineReduce(
  "ReduceMean",
  [1, 11, 13, 18],
  "mean along axes",
  { name: "mean", start: 0, combine: (a, b) => `${a} + ${b}`, finish: (t, n) => `${t} / ${n}` },
  (values) => values.reduce((s, v) => s + v, 0) / values.length,
  [
    ...usual([12.5, 1.5, 35, 1.5, 57.5, 1.5]),
    { name: "all axes", inputs: [matrices], expected: [[18.25]] },
    { name: "empty list of axes", inputs: [matrices, ints()], expected: [[18.25]] },
    {
      name: "nothing, where asked for",
      inputs: [random([3, 5])],
      attributes: { noop_with_empty_axes: 1 },
    },
    { name: "apart", inputs: [random([2, 3, 5, 4]), ints(1, 3)] },
    { name: "apart, last kept", inputs: [random([2, 3, 5, 8]), ints(0, 2)] },
    { name: "long rows", inputs: [random([3, 1200]), ints(1)] },
    { name: "5-D", inputs: [random([2, 3, 2, 3, 2]), ints(-4, 3)], attributes: { keepdims: 0 } },
  ],
);

export const reduceSum = defineReduce(
  "ReduceSum",
  [1, 11, 13],
  "sum along axes",
  { name: "sum", start: 0, combine: (a, b) => `${a} + ${b}` },
  (values) => values.reduce((s, v) => s + v, 0),
  [
    ...usual([25, 3, 70, 3, 115, 3]),
    {
      name: "integers",
      inputs: [{ dims: [3], dtype: "int64", values: [2, -3, 7] }],
      attributes: { keepdims: 0 },
      expected: [[6]],
    },
  ],
);

export const reduceMax = defineReduce(
  "ReduceMax",
  [1, 11, 12, 13, 18, 20],
  "largest element along axes",
  { name: "max", start: "first", combine: (a, b) => `max(${a}, ${b})` },
  (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  [
    ...usual([20, 2, 40, 2, 60, 2]),
    { name: "all below zero", inputs: [random([3, 8], [-9, -1]), ints(1)] },
  ],
);

export const reduceMin = defineReduce(
  "ReduceMin",
  [1, 11, 12, 13, 18, 20],
  "smallest element along axes",
  { name: "min", start: "first", combine: (a, b) => `min(${a}, ${b})` },
  (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  usual([5, 1, 30, 1, 55, 1]),
);

export const reduceProd = defineReduce(
  "ReduceProd",
  [1, 11, 13, 18],
  "product along axes",
  { name: "prod", start: 1, combine: (a, b) => `${a} * ${b}` },
  (values) => values.reduce((a, b) => a * b, 1),
  usual([100, 2, 1200, 2, 3300, 2]),
);

export const reduceL1 = defineReduce(
  "ReduceL1",
  [1, 11, 13, 18],
  "sum of absolute values along axes",
  { name: "l1", start: 0, map: (x) => `abs(${x})`, combine: (a, b) => `${a} + ${b}` },
  (values) => values.reduce((s, v) => s + Math.abs(v), 0),
  usual([25, 3, 70, 3, 115, 3]),
);

export const reduceSumSquare = defineReduce(
  "ReduceSumSquare",
  [1, 11, 13, 18],
  "sum of squares along axes",
  { name: "sum-square", start: 0, map: (x) => `${x} * ${x}`, combine: (a, b) => `${a} + ${b}` },
  (values) => values.reduce((s, v) => s + v * v, 0),
  usual([425, 5, 2500, 5, 6625, 5]),
);

export const reduceL2 = defineReduce(
  "ReduceL2",
  [1, 11, 13, 18],
  "Euclidean norm along axes",
  {
    name: "l2",
    start: 0,
    map: (x) => `${x} * ${x}`,
    combine: (a, b) => `${a} + ${b}`,
    finish: (total) => `sqrt(${total})`,
  },
  (values) => Math.sqrt(values.reduce((s, v) => s + v * v, 0)),
  usual([Math.sqrt(425), Math.sqrt(5), 50, Math.sqrt(5), Math.sqrt(6625), Math.sqrt(5)]),
);
