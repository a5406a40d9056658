import { literal } from "../kernels/literal.ts";
import { float, oneOf } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { erf, erfWgsl } from "./erf.ts";
import { definePointwise } from "./pointwise.ts";

export const sigmoid = definePointwise({
  name: "Sigmoid",
  opsets: [1, 6, 13],
  summary: "1 / (1 + exp(-x))",
  attributes: {},
  compute: (x) => 1 / (1 + Math.exp(-x)),
  wgsl: (x, _y, T) => sigmoidWgsl(x, T),
  cases: smooth([0.2689414213699951, 0.5, 0.7310585786300049]),
});

export const hardSigmoid = definePointwise({
  name: "HardSigmoid",
  opsets: [1, 6, 22],
  summary: "alpha * x + beta, held between 0 and 1",
  attributes: { alpha: float(0.2), beta: float(0.5) },
  compute: (x, _y, { alpha, beta }) => Math.min(Math.max(alpha * x + beta, 0), 1),
  wgsl: (x, _y, T, { alpha, beta }) =>
    `clamp(${literal(alpha)} * ${x} + ${literal(beta)}, ${T}(0), ${T}(1))`,
  cases: smooth([0.1, 0.6, 1], { alpha: 0.5, beta: 0.6 }),
});

export const hardSwish = definePointwise({
  name: "HardSwish",
  opsets: [14, 22],
  summary: "x times the hard sigmoid of x with alpha 1/6 and beta 1/2",
  attributes: {},
  compute: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
  wgsl: (x, _y, T) => `${x} * clamp(${x} * ${literal(1 / 6)} + 0.5, ${T}(0), ${T}(1))`,
  cases: smooth([-1 / 3, 0, 2 / 3]),
});

export const swish = definePointwise({
  name: "Swish",
  opsets: [24],
  summary: "x * sigmoid(alpha * x); SiLU where alpha is 1",
  attributes: { alpha: float(1) },
  compute: (x, _y, { alpha }) => x / (1 + Math.exp(-alpha * x)),
  wgsl: (x, _y, T, { alpha }) =>
    `${x} * ${sigmoidWgsl(alpha === 1 ? x : `(${x} * ${literal(alpha)})`, T)}`,
  cases: [
    ...smooth([-0.2689414213699951, 0, 0.7310585786300049]),
    { name: "alpha", inputs: [random([2, 4])], attributes: { alpha: 1.702 } },
  ],
});

export const tanh = definePointwise({
  name: "Tanh",
  opsets: [1, 6, 13],
  summary: "hyperbolic tangent",
  attributes: {},
  compute: (x) => Math.tanh(x),
  wgsl: (x, _y, T) => tanhWgsl(x, T),
  cases: smooth([-0.7615941559557649, 0, 0.7615941559557649]),
});

export const softplus = definePointwise({
  name: "Softplus",
  opsets: [1, 22],
  summary: "log(1 + exp(x))",
  attributes: {},
  compute: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  wgsl: (x, _y, T) => `max(${x}, ${T}(0)) + log(1 + exp(-abs(${x})))`,
  cases: smooth([0.3132616875182228, Math.LN2, 1.3132616875182228]),
});

export const softsign = definePointwise({
  name: "Softsign",
  opsets: [1, 22],
  summary: "x / (1 + |x|)",
  attributes: {},
  compute: (x) => x / (1 + Math.abs(x)),
  wgsl: (x) => `${x} / (1 + abs(${x}))`,
  cases: smooth([-0.5, 0, 0.5]),
});

export const mish = definePointwise({
  name: "Mish",
  opsets: [18, 22],
  summary: "x * tanh(softplus(x))",
  attributes: {},
  compute: (x) => x * Math.tanh(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  // With e = exp(x), tanh(log(1 + e)) is n / (n + 2) where n = e * (e + 2); it is 1 from x = 20 on.
  wgsl(x, _y, T) {
    const e = `exp(min(${x}, ${T}(20)))`;
    const n = `${e} * (${e} + 2)`;
    return `${x} * (${n} / (${n} + 2))`;
  },
  cases: smooth([-0.3034014613741231, 0, 0.8650983882673103]),
});

export const gelu = definePointwise({
  name: "Gelu",
  opsets: [20],
  summary: "x times the normal distribution function of x, exact or approximated by tanh",
  attributes: { approximate: oneOf("none", "tanh") },
  compute: (x, _y, { approximate }) =>
    0.5 *
    x *
    (1 +
      (approximate === "tanh"
        ? Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))
        : erf(x * Math.SQRT1_2))),
  wgsl(x, _y, T, { approximate }) {
    const inner =
      approximate === "tanh"
        ? tanhWgsl(
            `(${literal(Math.sqrt(2 / Math.PI))} * (${x} + 0.044715 * ${x} * ${x} * ${x}))`,
            T,
          )
        : erfWgsl(`(${x} * ${literal(Math.SQRT1_2)})`, T);
    return `0.5 * ${x} * (1 + ${inner})`;
  },
  cases: [
    ...smooth([-0.15865526383236372, 0, 0.8413447460685429]),
    {
      name: "tanh",
      inputs: [random([2, 3, 5], [-4, 4])],
      attributes: { approximate: "tanh" },
    },
    {
      name: "tanh, worked",
      inputs: [{ dims: [3], values: [-1, 0, 1] }],
      attributes: { approximate: "tanh" },
      expected: [[-0.15880800939172324, 0, 0.8411919906082768]],
    },
  ],
});

export const erfFunction = definePointwise({
  name: "Erf",
  opsets: [9, 13],
  summary: "the error function",
  attributes: {},
  compute: (x) => erf(x),
  wgsl: (x, _y, T) => erfWgsl(x, T),
  cases: [
    {
      name: "tabulated values",
      inputs: [{ dims: [5], values: [-1, 0, 0.5, 2, 3.5] }],
      expected: [
        [-0.8427007929497149, 0, 0.5204998778130465, 0.9953222650189527, 0.9999992569016276],
      ],
    },
    { name: "near zero", inputs: [random([3, 5], [-1e-3, 1e-3])] },
    { name: "far ends", inputs: [random([3, 4], [-10, 10])] },
  ],
});

/** Bounded, because a driver may compute with powers that overflow; tanh(10) rounds to 1. */
const tanhWgsl = (x: string, T: string) => `tanh(clamp(${x}, ${T}(-10), ${T}(10)))`;

/** Bounded, so that exp stays finite: WGSL promises nothing about infinity. */
const sigmoidWgsl = (x: string, T: string) => `(1 / (1 + exp(-max(${x}, ${T}(-87)))))`;

/** Values at -1, 0 and 1, and far ends in scalars and in vectors. */
function smooth(
  expected: readonly number[],
  attributes: Readonly<Record<string, number>> = {},
): OpCase[] {
  const worked = { dims: [3], values: [-1, 0, 1] };
  return [
    { name: "-1, 0 and 1", inputs: [worked], attributes, expected: [expected] },
    { name: "vectors", inputs: [random([3, 4, 5], [-4, 4])] },
    { name: "far ends", inputs: [random([7], [-200, 200])] },
  ];
}
