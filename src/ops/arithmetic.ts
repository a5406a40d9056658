import { elementwiseOf } from "../kernels/elementwise.ts";
import type { Problem } from "../kernels/kernel.ts";
import { literal } from "../kernels/literal.ts";
import { int } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { broadcastInputs, definePointwise, spreadTo, variadic } from "./pointwise.ts";

/** Broadcasting of every kind, spread over the operators so that each has a few. */
const broadcasts: Readonly<Record<string, OpCase>> = {
  same: { name: "same shape, vectors", inputs: [random([2, 3, 4]), random([2, 3, 4])] },
  scalar: { name: "scalar", inputs: [random([3, 5]), random([])] },
  channelsFirst: { name: "channels first", inputs: [random([2, 3, 5, 4]), random([3, 1, 1])] },
  batchedChannels: { name: "1 x C x 1 x 1", inputs: [random([2, 3, 2, 2]), random([1, 3, 1, 1])] },
  channelsLast: { name: "channels last, vectors", inputs: [random([2, 3, 3, 8]), random([8])] },
  firstGrows: { name: "first input grows", inputs: [random([4]), random([2, 3, 4])] },
  bothGrow: { name: "both grow", inputs: [random([3, 1, 5]), random([2, 1, 4, 1])] },
  rank5: { name: "5-D", inputs: [random([2, 1, 3, 1, 4]), random([2, 2, 1, 3, 1])] },
};

export const add = definePointwise({
  name: "Add",
  opsets: [1, 6, 7, 13, 14],
  summary: "a + b",
  attributes: {},
  arity: 2,
  isCommutative: true,
  compute: (a, b) => a + b,
  wgsl: (a, b) => `${a} + ${b}`,
  cases: [
    ...Object.values(broadcasts),
    {
      name: "worked",
      inputs: [
        { dims: [2, 1], values: [1, 2] },
        { dims: [3], values: [10, 20, 30] },
      ],
      expected: [[11, 21, 31, 12, 22, 32]],
    },
  ],
});

export const sub = definePointwise({
  name: "Sub",
  opsets: [1, 6, 7, 13, 14],
  summary: "a - b",
  attributes: {},
  arity: 2,
  compute: (a, b) => a - b,
  wgsl: (a, b) => `${a} - ${b}`,
  cases: [
    {
      name: "ONNX's example",
      inputs: [
        { dims: [3], values: [1, 2, 3] },
        { dims: [3], values: [3, 2, 1] },
      ],
      expected: [[-2, 0, 2]],
    },
    broadcasts.firstGrows!,
    broadcasts.bothGrow!,
  ],
});

export const mul = definePointwise({
  name: "Mul",
  opsets: [1, 6, 7, 13, 14],
  summary: "a * b",
  attributes: {},
  arity: 2,
  isCommutative: true,
  compute: (a, b) => a * b,
  wgsl: (a, b) => `${a} * ${b}`,
  cases: [
    {
      name: "ONNX's example",
      inputs: [
        { dims: [3], values: [1, 2, 3] },
        { dims: [3], values: [4, 5, 6] },
      ],
      expected: [[4, 10, 18]],
    },
    broadcasts.channelsFirst!,
    { name: "squeeze and excite", inputs: [random([2, 3, 3, 8]), random([2, 1, 1, 8])] },
  ],
});

export const div = definePointwise({
  name: "Div",
  opsets: [1, 6, 7, 13, 14],
  summary: "a / b; integers are cut off toward zero",
  attributes: {},
  arity: 2,
  // Cut off toward zero when the result is stored in an integer tensor.
  compute: (a, b) => a / b,
  wgsl: (a, b) => `${a} / ${b}`,
  cases: [
    {
      name: "integers",
      inputs: [
        { dims: [4], values: [7, -7, 7, -7], dtype: "int64" },
        { dims: [4], values: [2, 2, -2, -2], dtype: "int64" },
      ],
      expected: [[3, -3, -3, 3]],
    },
    { name: "last axis", inputs: [random([3, 5]), random([5], [0.5, 2])] },
    { name: "scalar first, vectors", inputs: [random([1]), random([3, 4], [0.5, 2])] },
    { name: "rows", inputs: [random([3, 4]), random([3, 1], [0.5, 2])] },
  ],
});

/**
 * WGSL's pow knows no negative base, so the sign is put on by hand; a broken exponent then gives
 * NaN, as it must. Squares and cubes are multiplied out, for exactness.
 */
function powWgsl(x: string, y: string, T: string): string {
  const base = `select(abs(${x}), ${x}, fract(${y}) != ${T}(0))`;
  const isOdd = `abs(${y} % ${T}(2)) == ${T}(1)`;
  const sign = `select(${T}(1), sign(${x}), ${isOdd})`;
  const general = `${sign} * pow(${base}, ${y})`;
  const squared = `select(${general}, ${x} * ${x}, ${y} == ${T}(2))`;
  const cubed = `select(${squared}, ${x} * ${x} * ${x}, ${y} == ${T}(3))`;
  return `select(${cubed}, ${T}(1), ${y} == ${T}(0))`;
}

export const pow = definePointwise({
  name: "Pow",
  opsets: [1, 7, 12, 13, 15],
  summary: "a to the power of b",
  attributes: {},
  arity: 2,
  compute: (a, b) => a ** b,
  wgsl: powWgsl,
  cases: [
    {
      name: "ONNX's example",
      inputs: [
        { dims: [3], values: [1, 2, 3] },
        { dims: [3], values: [4, 5, 6] },
      ],
      expected: [[1, 32, 729]],
    },
    {
      name: "negative bases",
      inputs: [
        { dims: [8], values: [-2, -2, -2, -2, -2, 0, 0, -1.5] },
        { dims: [8], values: [2, 3, 0, -1, 5, 0, 2, 4] },
      ],
      expected: [[4, -8, 1, -0.5, -32, 1, 0, 5.0625]],
    },
    {
      name: "square root",
      inputs: [random([3, 5], [0, 9]), { dims: [], values: [0.5], constant: true }],
    },
    { name: "square", inputs: [random([3, 4]), { dims: [1], values: [2], constant: true }] },
    { name: "scalar base", inputs: [{ dims: [], values: [2] }, random([2, 4], [-3, 3])] },
  ],
});

export const mod = definePointwise({
  name: "Mod",
  opsets: [10, 13, 28],
  summary: "remainder of a / b, with the sign of b, or of a where fmod is 1",
  attributes: { fmod: int(0) },
  arity: 2,
  compute: (a, b, { fmod }) => (fmod ? a % b : a - b * Math.floor(a / b)),
  wgsl: (a, b, _T, { fmod }) => `${a} - ${b} * ${fmod ? "trunc" : "floor"}(${a} / ${b})`,
  cases: [
    {
      name: "ONNX's example, integers",
      inputs: [
        { dims: [6], values: [-4, 7, 5, 4, -7, 8], dtype: "int64" },
        { dims: [6], values: [2, -3, 8, -2, 3, 5], dtype: "int64" },
      ],
      expected: [[0, -2, 5, 0, 2, 3]],
    },
    {
      name: "sign of the first",
      inputs: [
        { dims: [6], values: [-4.25, 7.25, 5, 4.25, -7.25, 8] },
        { dims: [6], values: [2, -3.5, 8, -2, 3.5, 5] },
      ],
      attributes: { fmod: 1 },
      expected: [[-0.25, 0.25, 5, 0.25, -0.25, 3]],
    },
    {
      name: "sign of the second",
      inputs: [
        { dims: [4], values: [-4.25, 7.25, 5, 4.25] },
        { dims: [1], values: [3] },
      ],
      expected: [[1.75, 1.25, 2, 1.25]],
    },
  ],
});

/** Cases of an operator of any number of inputs. */
function many(three: readonly number[]): OpCase[] {
  const three1 = [
    { dims: [3], values: [3, 2, 1] },
    { dims: [3], values: [1, 4, 4] },
    { dims: [3], values: [2, 5, 3] },
  ];
  return [
    { name: "three inputs", inputs: three1, expected: [three] },
    { name: "one input", inputs: [{ dims: [3], values: [-2, 0, 3] }], expected: [[-2, 0, 3]] },
    { name: "broadcast", inputs: [random([2, 1, 4]), random([3, 1]), random([])] },
    { name: "more than one dispatch binds", inputs: Array.from({ length: 9 }, () => random([8])) },
  ];
}

export const min = definePointwise({
  name: "Min",
  opsets: [1, 6, 8, 12, 13],
  summary: "the smallest of all inputs",
  attributes: {},
  arity: variadic,
  compute: (a, b) => Math.min(a, b),
  wgsl: (a, b) => `min(${a}, ${b})`,
  cases: many([1, 2, 1]),
});

export const max = definePointwise({
  name: "Max",
  opsets: [1, 6, 8, 12, 13],
  summary: "the largest of all inputs",
  attributes: {},
  arity: variadic,
  compute: (a, b) => Math.max(a, b),
  wgsl: (a, b) => `max(${a}, ${b})`,
  cases: many([3, 5, 4]),
});

export const sum = definePointwise({
  name: "Sum",
  opsets: [1, 6, 8, 13],
  summary: "the sum of all inputs",
  attributes: {},
  arity: variadic,
  compute: (a, b) => a + b,
  wgsl: (a, b) => `${a} + ${b}`,
  cases: many([6, 11, 8]),
});

/** Adds all inputs and then divides once, which no chain of steps of two numbers can say. */
const meanKernel = elementwiseOf("elementwise mean", ({ inputs }: Problem) => [
  ...inputs.slice(1).map((type, i) => ({
    expression: (x: string, y: string) => `${x} + ${y}`,
    operand: { type: type!, from: { kind: "input" as const, index: i + 1 } },
  })),
  { expression: (x: string) => `${x} * ${literal(1 / inputs.length)}` },
]);

export const mean = defineOp({
  name: "Mean",
  opsets: [1, 6, 8, 13],
  summary: "the mean of all inputs",
  attributes: {},
  inputs: variadic,
  infer: ({ inputs }) => [{ dtype: inputs[0]!.dtype, dims: broadcastInputs(inputs) }],
  reference(inputs, _attributes, [out]) {
    const arrays = inputs.map((array) => spreadTo(array!, out!.dims));
    const total = (i: number) => arrays.reduce((s, array) => s + array[i]!, 0);
    return [arrays[0]!.map((_, i) => total(i) / arrays.length)];
  },
  kernels: [meanKernel],
  traits: { acceptsEpilogue: true, layout: "pointwise" },
  cases: many([2, 11 / 3, 8 / 3]),
});
