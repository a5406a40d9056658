import type { CaseInput, OpCase } from "./case.ts";
import { random } from "./case.ts";
import { definePointwise } from "./pointwise.ts";

/** Declares a function of one number without attributes. */
function unary(
  name: string,
  opsets: readonly number[],
  summary: string,
  compute: (x: number) => number,
  wgsl: (x: string, T: string) => string,
  cases: readonly OpCase[],
) {
  return definePointwise({
    name,
    opsets,
    summary,
    attributes: {},
    compute: (x) => compute(x),
    wgsl: (x, _y, T) => wgsl(x, T),
    cases,
  });
}

/** A worked example, then random numbers in scalars and in vectors. */
function cases(
  values: readonly number[],
  expected: readonly number[],
  range: readonly [number, number] = [-3, 3],
): OpCase[] {
  const worked: CaseInput = { dims: [values.length], values };
  return [
    { name: "worked", inputs: [worked], expected: [expected] },
    { name: "odd size", inputs: [random([3, 7], range)] },
    { name: "vectors", inputs: [random([2, 3, 4], range)] },
  ];
}

/** The nearest integer; halves go to the even one. */
function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return Math.abs(x % 1) === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

export const exp = unary(
  "Exp",
  [1, 6, 13],
  "e to the power of x",
  Math.exp,
  (x) => `exp(${x})`,
  cases([-1, 0, 1], [0.36787944117144233, 1, Math.E]),
);

export const log = unary(
  "Log",
  [1, 6, 13],
  "natural logarithm",
  Math.log,
  (x) => `log(${x})`,
  cases([1, 10], [0, Math.LN10], [0.1, 9]),
);

export const sqrt = unary(
  "Sqrt",
  [1, 6, 13],
  "square root",
  Math.sqrt,
  (x) => `sqrt(${x})`,
  cases([0, 1, 4, 9], [0, 1, 2, 3], [0, 9]),
);

export const reciprocal = unary(
  "Reciprocal",
  [1, 6, 13],
  "1 / x",
  (x) => 1 / x,
  (x) => `1 / ${x}`,
  cases([-4, 2], [-0.25, 0.5], [0.5, 9]),
);

export const neg = unary(
  "Neg",
  [1, 6, 13],
  "-x",
  (x) => -x,
  (x) => `-(${x})`,
  cases([-4, 2], [4, -2]),
);

export const abs = unary(
  "Abs",
  [1, 6, 13],
  "|x|",
  Math.abs,
  (x) => `abs(${x})`,
  cases([-4, 0, 2], [4, 0, 2]),
);

export const floor = unary(
  "Floor",
  [1, 6, 13],
  "the largest integer that is not above x",
  Math.floor,
  (x) => `floor(${x})`,
  cases([-1.5, 1.2, 2], [-2, 1, 2]),
);

export const ceil = unary(
  "Ceil",
  [1, 6, 13],
  "the smallest integer that is not below x",
  Math.ceil,
  (x) => `ceil(${x})`,
  cases([-1.5, 1.2, 2], [-1, 2, 2]),
);

export const round = unary(
  "Round",
  [11, 22],
  "the nearest integer; halves go to the even one",
  roundHalfEven,
  (x) => `round(${x})`,
  cases(
    [0.1, 0.5, 0.9, 1.2, 1.5, 1.8, 2.3, 2.5, 2.7, -1.1, -1.5, -1.9, -2.2, -2.5, -2.8],
    [0, 0, 1, 1, 2, 2, 2, 2, 3, -1, -2, -2, -2, -2, -3],
  ),
);

export const sign = unary(
  "Sign",
  [9, 13],
  "-1, 0 or 1, as x is below, at or above zero",
  Math.sign,
  (x) => `sign(${x})`,
  cases([-2.5, 0, 3], [-1, 0, 1]),
);

export const sin = unary(
  "Sin",
  [7, 22],
  "sine of x in radians",
  Math.sin,
  (x) => `sin(${x})`,
  cases([0, Math.PI / 6, -Math.PI / 2], [0, 0.5, -1]),
);

export const cos = unary(
  "Cos",
  [7, 22],
  "cosine of x in radians",
  Math.cos,
  (x) => `cos(${x})`,
  cases([0, Math.PI / 3, Math.PI], [1, 0.5, -1]),
);
