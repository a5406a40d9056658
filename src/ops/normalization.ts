import { elementwiseOf } from "../kernels/elementwise.ts";
import type { Step } from "../kernels/epilogue.ts";
import { type Layout, pictureOf } from "../kernels/geometry.ts";
import type { Problem } from "../kernels/kernel.ts";
import { literal } from "../kernels/literal.ts";
import { type Rows, rowwiseKernel } from "../kernels/rowwise.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { float, int, oneOf } from "./attributes.ts";
import { type CaseInput, random, weight } from "./case.ts";
import { defineOp, type InferContext, type Ndarray } from "./define.ts";
import { spreadTo } from "./pointwise.ts";

const layout = oneOf("NCHW", "NHWC");
const nhwc = { layout: "NHWC" };

/** The shape under which a list with a number for each channel broadcasts to a picture. */
function channelDims(rank: number, channels: number, layout: Layout): number[] {
  return layout === "NHWC" ? [channels] : [channels, ...new Array<number>(rank - 2).fill(1)];
}

/** Checks that inputs 1 to `last` have one number for each channel of the first. */
function checkChannels({ inputs }: InferContext<unknown>, layout: Layout, last: number): void {
  const { dims } = inputs[0]!;
  if (dims.length < 2) throw new Error(`the input has ${dims.length} axes, needs 2 or more`);
  const { channels } = pictureOf(dims, layout);
  inputs.slice(1, last + 1).forEach((type, i) => {
    const size = sizeOf(type!.dims);
    if (size !== channels) {
      throw new Error(`input ${i + 1} has ${size} numbers, the first input ${channels} channels`);
    }
  });
}

/** A step that takes one number for each channel from an input. */
function channelStep(problem: Problem, index: number, expression: Step["expression"]): Step {
  const { dims } = problem.inputs[0]!;
  const layout = problem.attributes.layout as Layout;
  const { channels } = pictureOf(dims, layout);
  const type = {
    dtype: problem.inputs[index]!.dtype,
    dims: channelDims(dims.length, channels, layout),
  };
  return { expression, operand: { type, from: { kind: "input", index } } };
}

/** Adds epsilon and takes the inverse root: from a variance to a factor. */
const inverseDeviation = (variance: string, epsilon: number) =>
  `inverseSqrt(${variance} + ${literal(epsilon)})`;

/** Numbers for channels, spread over a picture. */
function spreadChannels(list: Ndarray, dims: Shape, layout: Layout): Float64Array {
  const shape = channelDims(dims.length, list.data.length, layout);
  return spreadTo({ dims: shape, data: list.data }, dims);
}

const variances: CaseInput = { dims: [5], range: [0.5, 1.5], constant: true };
const fiveChannels = [weight([5]), weight([5]), weight([5]), variances];
const eightChannels = [
  ...[0, 1, 2].map(() => weight([8])),
  { dims: [8], range: [0.5, 1.5], constant: true } as const,
];

export const batchNormalization = defineOp({
  name: "BatchNormalization",
  opsets: [1, 6, 7, 9, 14, 15],
  summary: "(x - mean) / sqrt(variance + epsilon) * scale + bias, with numbers for each channel",
  attributes: { epsilon: float(1e-5), momentum: float(0.9), training_mode: int(0), layout },
  inputs: [5, 5],
  infer(context) {
    const { inputs, attributes } = context;
    if (attributes.training_mode !== 0) throw new Error("training_mode is set; it must be 0");
    checkChannels(context, attributes.layout, 4);
    return [inputs[0]!];
  },
  reference([x, ...lists], { epsilon, layout }) {
    const [scale, bias, mean, variance] = lists.map((l) => spreadChannels(l!, x!.dims, layout));
    const normal = (v: number, i: number) => (v - mean![i]!) / Math.sqrt(variance![i]! + epsilon);
    return [x!.data.map((v, i) => normal(v, i) * scale![i]! + bias![i]!)];
  },
  kernels: [
    elementwiseOf("batch-normalization", (problem) => {
      const epsilon = problem.attributes.epsilon as number;
      return [
        channelStep(problem, 3, (x, mean) => `${x} - ${mean}`),
        channelStep(problem, 4, (x, variance) => `${x} * ${inverseDeviation(variance, epsilon)}`),
        channelStep(problem, 1, (x, scale) => `${x} * ${scale}`),
        channelStep(problem, 2, (x, bias) => `${x} + ${bias}`),
      ];
    }),
  ],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "worked",
      inputs: [
        { dims: [1, 2, 1, 3], values: [-1, 0, 1, 2, 3, 4] },
        { dims: [2], values: [1, 1.5] },
        { dims: [2], values: [0, 1] },
        { dims: [2], values: [0, 3] },
        { dims: [2], values: [1, 2.25] },
      ],
      attributes: { epsilon: 0 },
      expected: [[-1, 0, 1, 0, 1, 2]],
    },
    { name: "odd", inputs: [random([2, 5, 3, 3]), ...fiveChannels] },
    { name: "vectors", inputs: [random([2, 5, 2, 4]), ...fiveChannels] },
    { name: "channels last", inputs: [random([2, 3, 2, 5]), ...fiveChannels], attributes: nhwc },
    {
      name: "channels last, vectors",
      inputs: [random([2, 3, 2, 8]), ...eightChannels],
      attributes: { ...nhwc, epsilon: 0.1 },
    },
    { name: "2-D", inputs: [random([3, 8]), ...eightChannels] },
  ],
});

/** `x` with each row made to have mean 0 and variance 1. */
function standardize(x: Ndarray, { outer, count, inner }: Rows, epsilon: number): Float64Array {
  const out = new Float64Array(x.data.length);
  for (let row = 0; row < outer * inner; row++) {
    const base = Math.floor(row / inner) * count * inner + (row % inner);
    const at = Array.from({ length: count }, (_, r) => base + r * inner);
    const mean = at.reduce((s, i) => s + x.data[i]!, 0) / count;
    const variance = at.reduce((s, i) => s + (x.data[i]! - mean) ** 2, 0) / count;
    for (const i of at) out[i] = (x.data[i]! - mean) / Math.sqrt(variance + epsilon);
  }
  return out;
}

/** The kernel of both normalizations by the statistics of the data itself. */
function standardizeKernel(
  name: string,
  rows: (problem: Problem) => Rows,
  steps: (problem: Problem) => readonly Step[],
) {
  return rowwiseKernel({
    name,
    rows,
    first: { combine: "+", map: (x) => x, finish: (total, count) => `${total} / ${count}` },
    second: {
      combine: "+",
      map: (x, mean) => `(${x} - ${mean}) * (${x} - ${mean})`,
      finish: (total, count) => `${total} / ${count}`,
    },
    result: (x, mean, variance, { attributes }) =>
      `(${x} - ${mean}) * ${inverseDeviation(variance, attributes.epsilon as number)}`,
    steps,
  });
}

function instanceRows(dims: Shape, layout: Layout): Rows {
  const { batch, channels, spatial } = pictureOf(dims, layout);
  const count = sizeOf(spatial);
  if (layout === "NCHW") return { outer: batch * channels, count, inner: 1 };
  return { outer: batch, count, inner: channels };
}

export const instanceNormalization = defineOp({
  name: "InstanceNormalization",
  opsets: [1, 6, 22],
  summary: "each channel of each picture to mean 0 and variance 1, then scaled and shifted",
  attributes: { epsilon: float(1e-5), layout },
  inputs: [3, 3],
  infer(context) {
    checkChannels(context, context.attributes.layout, 2);
    return [context.inputs[0]!];
  },
  reference([x, scale, bias], { epsilon, layout }) {
    const factor = spreadChannels(scale!, x!.dims, layout);
    const shift = spreadChannels(bias!, x!.dims, layout);
    const normal = standardize(x!, instanceRows(x!.dims, layout), epsilon);
    return [normal.map((v, i) => v * factor[i]! + shift[i]!)];
  },
  kernels: [
    standardizeKernel(
      "instance-normalization",
      ({ inputs, attributes }) => instanceRows(inputs[0]!.dims, attributes.layout as Layout),
      (problem) => [
        channelStep(problem, 1, (x, scale) => `${x} * ${scale}`),
        channelStep(problem, 2, (x, bias) => `${x} + ${bias}`),
      ],
    ),
  ],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "worked",
      inputs: [
        { dims: [1, 2, 1, 2], values: [1, 3, 10, 20] },
        { dims: [2], values: [1, 2] },
        { dims: [2], values: [0, 5] },
      ],
      attributes: { epsilon: 0 },
      expected: [[-1, 1, 3, 7]],
    },
    { name: "odd", inputs: [random([2, 5, 3, 7]), weight([5]), weight([5])] },
    { name: "vectors", inputs: [random([2, 5, 12, 12]), weight([5]), weight([5])] },
    {
      name: "channels last",
      inputs: [random([2, 6, 6, 8]), weight([8]), weight([8])],
      attributes: nhwc,
    },
  ],
});

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
  infer({ inputs, attributes: { axis } }) {
    normalizeAxis(axis, inputs[0]!.dims.length);
    return [inputs[0]!];
  },
  reference([x, scale, bias], { axis, epsilon }) {
    const factor = spreadTo(scale!, x!.dims);
    const shift = bias && spreadTo(bias, x!.dims);
    const normal = standardize(x!, layerRows(x!.dims, axis), epsilon);
    return [normal.map((v, i) => v * factor[i]! + (shift?.[i] ?? 0))];
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
    { name: "last axis", inputs: [random([3, 5, 7]), weight([7]), weight([7])] },
    { name: "vectors", inputs: [random([3, 384]), weight([384]), weight([384])] },
    {
      name: "two axes",
      inputs: [random([3, 5, 4]), weight([5, 4]), weight([5, 4])],
      attributes: { axis: 1 },
    },
  ],
});
