import { pictureOf } from "../kernels/geometry.ts";
import { lrnKernel } from "../kernels/lrn.ts";
import { sizeOf } from "../tensor/index.ts";
import { float, int, oneOf } from "./attributes.ts";
import { type CaseInput, random } from "./case.ts";
import { defineOp } from "./define.ts";

const three: CaseInput = { dims: [1, 3, 1, 1], values: [1, 2, 3] };

export const lrn = defineOp({
  name: "LRN",
  opsets: [1, 13],
  summary: "x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta",
  attributes: {
    alpha: float(1e-4),
    beta: float(0.75),
    bias: float(1),
    size: int(),
    layout: oneOf("NCHW", "NHWC"),
  },
  inputs: [1, 1],
  infer({ inputs, attributes: { size } }) {
    const rank = inputs[0]!.dims.length;
    if (rank < 3) throw new Error(`the input has ${rank} axes, needs 3 or more`);
    if (size < 1) throw new Error(`size is ${size}, must be 1 or more`);
    return [inputs[0]!];
  },
  reference([x], { alpha, beta, bias, size, layout }) {
    const { channels, spatial } = pictureOf(x!.dims, layout);
    const inner = layout === "NCHW" ? sizeOf(spatial) : 1;
    const before = Math.floor((size - 1) / 2);
    const after = Math.ceil((size - 1) / 2);
    const normalize = (value: number, i: number) => {
      const channel = Math.floor(i / inner) % channels;
      let sum = 0;
      for (let c = channel - before; c <= channel + after; c++) {
        if (c >= 0 && c < channels) sum += x!.data[i + (c - channel) * inner]! ** 2;
      }
      return value / (bias + (alpha / size) * sum) ** beta;
    };
    return [x!.data.map(normalize)];
  },
  kernels: [lrnKernel],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "worked",
      inputs: [three],
      attributes: { size: 3, alpha: 3, beta: 1 },
      expected: [[1 / 6, 2 / 15, 3 / 14]],
    },
    {
      name: "even size",
      inputs: [three],
      attributes: { size: 2, alpha: 2, beta: 1 },
      expected: [[1 / 6, 2 / 14, 3 / 10]],
    },
    { name: "odd", inputs: [random([2, 7, 3, 5], [-9, 9])], attributes: { size: 5, alpha: 0.1 } },
    { name: "vectors", inputs: [random([2, 7, 2, 4])], attributes: { size: 5, bias: 2 } },
    {
      name: "channels last",
      inputs: [random([2, 3, 5, 8], [-9, 9])],
      attributes: { size: 3, alpha: 0.1, layout: "NHWC" },
    },
  ],
});
