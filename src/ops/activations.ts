import { float } from "./attributes.ts";
import { random } from "./case.ts";
import { definePointwise } from "./pointwise.ts";

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
  ],
});

export const leakyRelu = definePointwise({
  name: "LeakyRelu",
  opsets: [1, 6, 16],
  summary: "x where x is positive, alpha * x elsewhere",
  attributes: { alpha: float(0.01) },
  compute: (x, _y, { alpha }) => (x < 0 ? alpha * x : x),
  wgsl: (x, _y, T, { alpha }) => `select(${x}, ${x} * ${alpha}, ${x} < ${T}(0))`,
  cases: [
    { name: "default", inputs: [random([2, 3, 4])] },
    {
      name: "steep",
      inputs: [{ dims: [3], values: [-2, 0, 4] }],
      attributes: { alpha: 0.5 },
      expected: [[-1, 0, 4]],
    },
  ],
});
