import { elementwiseOf } from "../kernels/elementwise.ts";
import { float, int, oneOf } from "./attributes.ts";
import { type CaseInput, random, weight } from "./case.ts";
import { channelStep, checkChannels, spreadChannels } from "./channels.ts";
import { defineOp } from "./define.ts";
import { inverseDeviation } from "./standardize.ts";

const layout = oneOf("NCHW", "NHWC");
const nhwc = { layout: "NHWC" };

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
