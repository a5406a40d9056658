import { int, optional } from "./attributes.ts";
import { random } from "./case.ts";
import { defineOp } from "./define.ts";

export const identity = defineOp({
  name: "Identity",
  opsets: [1, 13, 14, 16, 19, 21, 23, 24, 25],
  summary: "the input",
  attributes: {},
  inputs: [1, 1],
  infer: ({ inputs }) => [inputs[0]!],
  reference: ([x]) => [x!.data],
  kernels: [],
  traits: { isView: true, layout: "pointwise" },
  cases: [
    { name: "worked", inputs: [{ dims: [3], values: [1, 2, 3] }], expected: [[1, 2, 3]] },
    { name: "4-D", inputs: [random([1, 2, 3, 4])] },
    {
      name: "integers",
      inputs: [{ dims: [2], dtype: "int64", values: [-1, 7] }],
      expected: [[-1, 7]],
    },
  ],
});

export const dropout = defineOp({
  name: "Dropout",
  opsets: [1, 6, 7, 10, 12, 13, 22],
  summary: "the input: dropping out is for training only",
  attributes: { seed: optional(int()) },
  inputs: [1, 3],
  outputs: [1, 2],
  infer({ inputs, constants, outputCount }) {
    if (inputs[2] && !constants[2]) {
      throw new Error("training_mode is computed; only a constant false is supported");
    }
    if (constants[2]?.toNumbers()[0]) throw new Error("training_mode is true; it must be false");
    const mask = { dtype: "bool", dims: inputs[0]!.dims } as const;
    return [inputs[0]!, mask].slice(0, outputCount);
  },
  reference: ([x], _attributes, outputs) =>
    [x!.data, new Float64Array(x!.data.length).fill(1)].slice(0, outputs.length),
  kernels: [],
  traits: { isView: true, layout: "pointwise" },
  cases: [
    { name: "worked", inputs: [{ dims: [3], values: [1, 2, 3] }], expected: [[1, 2, 3]] },
    {
      name: "with a mask",
      inputs: [{ dims: [2], values: [1, -2] }],
      outputCount: 2,
      expected: [
        [1, -2],
        [1, 1],
      ],
    },
    {
      name: "ratio and training mode",
      inputs: [
        random([2, 3]),
        { dims: [], values: [0.5], constant: true },
        { dims: [], dtype: "bool", values: [0], constant: true },
      ],
    },
  ],
});
