import { type Layout, pictureDims, pictureOf } from "../kernels/geometry.ts";
import type { Problem } from "../kernels/kernel.ts";
import { type Reduction, reduceKernel } from "../kernels/reduce.ts";
import { oneOf } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { defineOp, type Op } from "./define.ts";
import { groupsAlong } from "./groups.ts";

/** The spatial axes of a picture of `rank` axes. */
function spatialAxes(rank: number, layout: Layout): number[] {
  const first = layout === "NCHW" ? 2 : 1;
  return Array.from({ length: rank - 2 }, (_, i) => first + i);
}

const axesOfProblem = ({ inputs, attributes }: Problem) =>
  spatialAxes(inputs[0]!.dims.length, attributes.layout as Layout);

/** Declares a pool whose window is the whole picture, of any number of spatial axes. */
function defineGlobalPool(
  name: string,
  summary: string,
  reduction: Reduction,
  compute: (values: readonly number[]) => number,
  worked: readonly number[],
): Op {
  return defineOp({
    name,
    opsets: [1, 22],
    summary,
    attributes: { layout: oneOf("NCHW", "NHWC") },
    inputs: [1, 1],
    infer({ inputs, attributes: { layout } }) {
      const { dtype, dims } = inputs[0]!;
      if (dims.length < 3) throw new Error(`the input has ${dims.length} axes, needs 3 or more`);
      const { batch, channels, spatial } = pictureOf(dims, layout);
      const ones = spatial.map(() => 1);
      return [{ dtype, dims: pictureDims(batch, channels, ones, layout) }];
    },
    reference([x], { layout }) {
      const groups = groupsAlong(x!, spatialAxes(x!.dims.length, layout));
      return [Float64Array.from(groups, compute)];
    },
    kernels: [reduceKernel(reduction, axesOfProblem)],
    traits: { acceptsEpilogue: true, layout: "spatial" },
    cases: casesOf(worked),
  });
}

/** `worked`: the results for 1 to 4 and for -1 to -4. */
function casesOf(worked: readonly number[]): OpCase[] {
  const nhwc = { layout: "NHWC" };
  return [
    {
      name: "worked",
      inputs: [{ dims: [1, 2, 2, 2], values: [1, 2, 3, 4, -1, -2, -3, -4] }],
      expected: [worked],
    },
    {
      name: "worked, channels last",
      inputs: [{ dims: [1, 2, 2, 2], values: [1, -1, 2, -2, 3, -3, 4, -4] }],
      attributes: nhwc,
      expected: [worked],
    },
    { name: "7x7", inputs: [random([2, 5, 7, 7])] },
    { name: "channels last, vectors", inputs: [random([2, 7, 7, 72])], attributes: nhwc },
    { name: "channels last, odd", inputs: [random([2, 5, 3, 7])], attributes: nhwc },
    { name: "1-D", inputs: [random([2, 3, 12])] },
    { name: "3-D", inputs: [random([1, 2, 3, 4, 5])] },
  ];
}

export const globalAveragePool = defineGlobalPool(
  "GlobalAveragePool",
  "mean of each channel over all spatial axes",
  {
    name: "global-average",
    start: 0,
    combine: (a, b) => `${a} + ${b}`,
    finish: (total, count) => `${total} / ${count}`,
  },
  (values) => values.reduce((s, v) => s + v, 0) / values.length,
  [2.5, -2.5],
);

export const globalMaxPool = defineGlobalPool(
  "GlobalMaxPool",
  "largest element of each channel over all spatial axes",
  { name: "global-max", start: "first", combine: (a, b) => `max(${a}, ${b})` },
  (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  [4, -1],
);
