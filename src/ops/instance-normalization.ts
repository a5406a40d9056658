import { type Layout, pictureOf } from "../kernels/geometry.ts";
import type { Rows } from "../kernels/rowwise.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import { float, oneOf } from "./attributes.ts";
import { random, weight } from "./case.ts";
import { channelStep, checkChannels, spreadChannels } from "./channels.ts";
import { defineOp } from "./define.ts";
import { standardize, standardizeKernel } from "./standardize.ts";

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
  attributes: { epsilon: float(1e-5), layout: oneOf("NCHW", "NHWC") },
  inputs: [3, 3],
  infer(context) {
    checkChannels(context, context.attributes.layout, 2);
    return [context.inputs[0]!];
  },
  reference([x, scale, bias], { epsilon, layout }) {
    const factor = spreadChannels(scale!, x!.dims, layout);
    const shift = spreadChannels(bias!, x!.dims, layout);
    const { normal } = standardize(x!, instanceRows(x!.dims, layout), epsilon);
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
      attributes: { layout: "NHWC" },
    },
  ],
});
