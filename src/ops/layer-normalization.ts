import type { Step } from "../kernels/epilogue.ts";
import type { Problem } from "../kernels/kernel.ts";
import type { Rows } from "../kernels/rowwise.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { float, int } from "./attributes.ts";
import { random, weight } from "./case.ts";
import { defineOp } from "./define.ts";
import { spreadTo } from "./pointwise.ts";
import { standardize, standardizeKernel } from "./standardize.ts";

function layerRows(dims: Shape, axis: number): Rows {
  const at = normalizeAxis(axis, dims.length);
  return { outer: sizeOf(dims.slice(0, at)), count: sizeOf(dims.slice(at)), inner: 1 };
}

/** A step that takes an input broadcast to the output. */
function broadcastStep(problem: Problem, index: number, expression: Step["expression"]): Step[] {
  const type = problem.inputs[index];
  return type ? [{ expression, operand: { type, from: { kind: "input", index } } }] : [];
}

export const layerNormalization = defineOp({
  name: "LayerNormalization",
  opsets: [17],
  summary: "all from an axis on to mean 0 and variance 1, then scaled and shifted",
  attributes: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  inputs: [2, 3],
  outputs: [1, 3],
  infer({ inputs, attributes: { axis, stash_type }, outputCount }) {
    const x = inputs[0]!;
    const first = normalizeAxis(axis, x.dims.length);
    if (stash_type !== 1) throw new Error(`stash_type is ${stash_type}; only 1 is supported`);
    const dims = x.dims.map((d, i) => (i < first ? d : 1));
    const perRow = { dtype: "float32", dims } as const;
    return [x, perRow, perRow].slice(0, outputCount);
  },
  reference([x, scale, bias], { axis, epsilon }, outputs) {
    const factor = spreadTo(scale!, x!.dims);
    const shift = bias && spreadTo(bias, x!.dims);
    const { normal, means, factors } = standardize(x!, layerRows(x!.dims, axis), epsilon);
    const y = normal.map((v, i) => v * factor[i]! + (shift?.[i] ?? 0));
    return [y, means, factors].slice(0, outputs.length);
  },
  kernels: [
    standardizeKernel(
      "layer-normalization",
      ({ inputs, attributes }) => layerRows(inputs[0]!.dims, attributes.axis as number),
      (problem) => [
        ...broadcastStep(problem, 1, (x, scale) => `${x} * ${scale}`),
        ...broadcastStep(problem, 2, (x, bias) => `${x} + ${bias}`),
      ],
    ),
  ],
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "worked",
      inputs: [
        { dims: [2, 2], values: [1, 3, 10, 20] },
        { dims: [2], values: [1, 2] },
      ],
      attributes: { epsilon: 0 },
      expected: [[-1, 2, -1, 2]],
    },
    {
      name: "with means and factors",
      inputs: [
        { dims: [3, 2], values: [1, 3, 10, 20, -4, -4.5] },
        { dims: [2], values: [1, 2] },
      ],
      attributes: { epsilon: 0 },
      outputCount: 3,
      expected: [
        [-1, 2, -1, 2, 1, -2],
        [2, 15, -4.25],
        [1, 0.2, 4],
      ],
    },
    { name: "last axis", inputs: [random([3, 5, 7]), weight([7]), weight([7])] },
    { name: "vectors", inputs: [random([3, 384]), weight([384]), weight([384])] },
    {
      name: "two axes",
      inputs: [random([3, 5, 4]), weight([5, 4]), weight([5, 4])],
      attributes: { axis: 1 },
    },
  ],
});
