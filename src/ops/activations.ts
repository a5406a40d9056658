import { clamped } from "../kernels/clamp.ts";
import { literal } from "../kernels/literal.ts";
import { float, optional } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { definePointwise } from "./pointwise.ts";

/** Below zero, at zero, above zero: what most activations tell apart. */
const signs = { dims: [3], values: [-1, 0, 1] };

export const relu = definePointwise({
  name: "Relu",
  opsets: [1, 6, 13, 14],
  summary: "max(x, 0)",
  attributes: {},
  compute: (x) => Math.max(x, 0),
  wgsl: (x, _y, T) => `max(${x}, ${T}(0))`,
  cases: [
    { name: "sign", inputs: [{ dims: [4], values: [-2, 0, 0.5, 3] }], expected: [[0, 0, 0.5, 3]] },
    { name: "odd size", inputs: [random([3, 5, 7])] },
    { name: "scalar", inputs: [{ dims: [], values: [-4] }], expected: [[0]] },
  ],
});

export const leakyRelu = definePointwise({
  name: "LeakyRelu",
  opsets: [1, 6, 16],
  summary: "x where x is positive, alpha * x elsewhere",
  attributes: { alpha: float(0.01) },
  compute: (x, _y, { alpha }) => (x < 0 ? alpha * x : x),
  wgsl: (x, _y, T, { alpha }) => `select(${x}, ${x} * ${literal(alpha)}, ${x} < ${T}(0))`,
  cases: [
    { name: "default", inputs: [random([2, 3, 4])] },
    { name: "odd size", inputs: [random([7])], attributes: { alpha: -0.25 } },
    { name: "steep", inputs: [signs], attributes: { alpha: 0.5 }, expected: [[-0.5, 0, 1]] },
  ],
});

export const pRelu = definePointwise({
  name: "PRelu",
  opsets: [1, 6, 7, 9, 16],
  summary: "x where x is positive, slope * x elsewhere; the slope is a second input",
  attributes: {},
  arity: 2,
  compute: (x, slope) => (x < 0 ? slope * x : x),
  wgsl: (x, slope, T) => `select(${x}, ${x} * ${slope}, ${x} < ${T}(0))`,
  cases: [
    {
      name: "slope for each channel",
      inputs: [
        { dims: [1, 2, 2], values: [-1, 2, -3, 4] },
        { dims: [2, 1], values: [0.5, 2] },
      ],
      expected: [[-0.5, 2, -6, 4]],
    },
    { name: "odd size", inputs: [random([2, 3, 5, 5]), random([3, 1, 1])] },
    { name: "one slope, vectors", inputs: [random([2, 3, 4, 4]), random([1])] },
  ],
});

export const thresholdedRelu = definePointwise({
  name: "ThresholdedRelu",
  opsets: [10, 22],
  summary: "x where x is above alpha, zero elsewhere",
  attributes: { alpha: float(1) },
  compute: (x, _y, { alpha }) => (x > alpha ? x : 0),
  wgsl: (x, _y, T, { alpha }) => `select(${T}(0), ${x}, ${x} > ${T}(${literal(alpha)}))`,
  cases: [
    {
      name: "ONNX's example",
      inputs: [{ dims: [5], values: [-1.5, 0, 1.2, 2, 2.2] }],
      attributes: { alpha: 2 },
      expected: [[0, 0, 0, 0, 2.2]],
    },
    { name: "default", inputs: [random([3, 4, 5], [-3, 3])] },
    { name: "negative", inputs: [random([7])], attributes: { alpha: -0.5 } },
  ],
});

export const elu = definePointwise({
  name: "Elu",
  opsets: [1, 6, 22],
  summary: "x where x is positive, alpha * (exp(x) - 1) elsewhere",
  attributes: { alpha: float(1) },
  compute: (x, _y, { alpha }) => (x < 0 ? alpha * Math.expm1(x) : x),
  wgsl: (x, _y, T, { alpha }) =>
    `select(${x}, ${literal(alpha)} * ${expMinusOne(x, T)}, ${x} < ${T}(0))`,
  cases: saturating("ONNX's example", { alpha: 2 }, [-1.2642411176571153, 0, 1]),
});

export const selu = definePointwise({
  name: "Selu",
  opsets: [1, 6, 22],
  summary: "gamma * x where x is positive, gamma * alpha * (exp(x) - 1) elsewhere",
  attributes: { alpha: float(1.6732631921768188), gamma: float(1.0507010221481323) },
  compute: (x, _y, { alpha, gamma }) => gamma * (x < 0 ? alpha * Math.expm1(x) : x),
  wgsl: (x, _y, T, { alpha, gamma }) => {
    const below = `${literal(alpha)} * ${expMinusOne(x, T)}`;
    return `${literal(gamma)} * select(${x}, ${below}, ${x} < ${T}(0))`;
  },
  cases: saturating("ONNX's example", { alpha: 2, gamma: 3 }, [-3.792723352971346, 0, 3]),
});

export const celu = definePointwise({
  name: "Celu",
  opsets: [12, 28],
  summary: "max(0, x) + min(0, alpha * (exp(x / alpha) - 1))",
  attributes: { alpha: float(1) },
  compute: (x, _y, { alpha }) =>
    Math.max(0, x) + Math.min(0, alpha * Math.expm1(Math.min(0, x / alpha))),
  wgsl: (x, _y, T, { alpha }) => {
    const below = `${literal(alpha)} * ${expMinusOne(`(${x} / ${literal(alpha)})`, T)}`;
    return `max(${x}, ${T}(0)) + min(${below}, ${T}(0))`;
  },
  cases: saturating("worked by hand", { alpha: 2 }, [2 * Math.expm1(-0.5), 0, 1]),
});

export const clip = definePointwise({
  name: "Clip",
  opsets: [1, 6, 11, 12, 13],
  summary: "x held between min and max",
  attributes: { min: optional(float()), max: optional(float()) },
  compute: (x, _y, { min, max }) => Math.min(Math.max(x, min ?? -Infinity), max ?? Infinity),
  wgsl: (x, _y, T, { min, max }) => clamped(x, T, min, max),
  cases: [
    {
      name: "ONNX's example",
      inputs: [{ dims: [3], values: [-2, 0, 2] }],
      attributes: { min: -1, max: 1 },
      expected: [[-1, 0, 1]],
    },
    { name: "relu6", inputs: [random([3, 4, 5], [-10, 10])], attributes: { min: 0, max: 6 } },
    { name: "only a maximum", inputs: [random([7])], attributes: { max: 0.25 } },
    {
      name: "no bounds",
      inputs: [{ dims: [3], values: [-9, 0, 9] }],
      attributes: { min: -Infinity, max: Infinity },
      expected: [[-9, 0, 9]],
    },
    {
      name: "integers",
      inputs: [{ dims: [3], values: [-9, 0, 9], dtype: "int64" }],
      attributes: { min: 1 },
      expected: [[1, 1, 9]],
    },
  ],
});

/** `exp(x) - 1` for x below zero; elsewhere zero, so that nothing overflows. */
const expMinusOne = (x: string, T: string) => `(exp(min(${x}, ${T}(0))) - 1)`;

/** A worked example, and far ends in scalars and in vectors. */
function saturating(
  name: string,
  attributes: Readonly<Record<string, number>>,
  expected: readonly number[],
): OpCase[] {
  return [
    { name, inputs: [signs], attributes, expected: [expected] },
    { name: "default", inputs: [random([3, 4, 5], [-3, 3])] },
    { name: "far ends", inputs: [random([7], [-200, 200])] },
  ];
}
