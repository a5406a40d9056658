import { type CaseInput, type OpCase, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { broadcastInputs, definePointwise, spreadTo } from "./pointwise.ts";

const bools = (...values: number[]): CaseInput => ({
  dims: [values.length],
  dtype: "bool",
  values,
});

/** Declares a comparison or a connective: two inputs, a bool output, computed while planning. */
function predicate(
  name: string,
  opsets: readonly number[],
  summary: string,
  holds: (a: number, b: number) => boolean,
  cases: readonly OpCase[],
) {
  return definePointwise({
    name,
    opsets,
    summary,
    attributes: {},
    arity: 2,
    compute: (a, b) => (holds(a, b) ? 1 : 0),
    output: "bool",
    cases,
  });
}

/** The same three pairs for every comparison: below, equal, above; then integers and broadcast. */
function comparison(below: number, same: number, above: number): OpCase[] {
  const a = [1, 2, 3];
  const expected = [[below, same, above]];
  const two = (dtype: "float32" | "int64"): CaseInput[] => [
    { dims: [3], values: a, dtype },
    { dims: [3], values: [2, 2, 2], dtype },
  ];
  return [
    { name: "floats", inputs: two("float32"), expected },
    { name: "integers", inputs: two("int64"), expected },
    {
      name: "scalar",
      inputs: [
        { dims: [3, 1], values: a },
        { dims: [], values: [2] },
      ],
      expected,
    },
  ];
}

export const equal = predicate(
  "Equal",
  [1, 7, 11, 13, 19],
  "a = b",
  (a, b) => a === b,
  comparison(0, 1, 0),
);

export const less = predicate("Less", [1, 7, 9, 13], "a < b", (a, b) => a < b, comparison(1, 0, 0));

export const lessOrEqual = predicate(
  "LessOrEqual",
  [12, 16],
  "a <= b",
  (a, b) => a <= b,
  comparison(1, 1, 0),
);

export const greater = predicate(
  "Greater",
  [1, 7, 9, 13],
  "a > b",
  (a, b) => a > b,
  comparison(0, 0, 1),
);

export const greaterOrEqual = predicate(
  "GreaterOrEqual",
  [12, 16],
  "a >= b",
  (a, b) => a >= b,
  comparison(0, 1, 1),
);

/** The four pairs of truth values, and two broadcasts. */
function connective(table: readonly number[]): OpCase[] {
  const pair: CaseInput[] = [bools(0, 0, 1, 1), bools(0, 1, 0, 1)];
  return [
    { name: "truth table", inputs: pair, expected: [table] },
    {
      name: "broadcast",
      inputs: [{ dims: [2, 1], dtype: "bool", values: [0, 1] }, bools(0, 1)],
      expected: [table],
    },
    { name: "one each", inputs: [bools(1), bools(1)], expected: [[1]] },
  ];
}

export const and = predicate(
  "And",
  [1, 7],
  "both are true",
  (a, b) => a !== 0 && b !== 0,
  connective([0, 0, 0, 1]),
);

export const or = predicate(
  "Or",
  [1, 7],
  "one or both are true",
  (a, b) => a !== 0 || b !== 0,
  connective([0, 1, 1, 1]),
);

export const not = definePointwise({
  name: "Not",
  opsets: [1],
  summary: "true where the input is false",
  attributes: {},
  compute: (x) => (x === 0 ? 1 : 0),
  output: "bool",
  cases: [
    { name: "both", inputs: [bools(0, 1)], expected: [[1, 0]] },
    { name: "scalar", inputs: [{ dims: [], dtype: "bool", values: [1] }], expected: [[0]] },
    {
      name: "2-D",
      inputs: [{ dims: [2, 2], dtype: "bool", values: [1, 1, 0, 1] }],
      expected: [[0, 0, 1, 0]],
    },
  ],
});

export const where = defineOp({
  name: "Where",
  opsets: [9, 16],
  summary: "the second input where the first is true, else the third",
  attributes: {},
  inputs: [3, 3],
  infer: ({ inputs }) => [{ dims: broadcastInputs(inputs), dtype: inputs[1]!.dtype }],
  reference(inputs, _attributes, [out]) {
    const [condition, x, y] = inputs.map((array) => spreadTo(array!, out!.dims));
    return [condition!.map((c, i) => (c !== 0 ? x![i]! : y![i]!))];
  },
  kernels: [],
  traits: { layout: "pointwise" },
  cases: [
    {
      name: "ONNX's example",
      inputs: [
        { dims: [2, 2], dtype: "bool", values: [1, 0, 1, 1] },
        { dims: [2, 2], values: [1, 2, 3, 4] },
        { dims: [2, 2], values: [9, 8, 7, 6] },
      ],
      expected: [[1, 8, 3, 4]],
    },
    {
      name: "integers, scalars",
      inputs: [
        bools(0, 1, 1),
        { dims: [], dtype: "int64", values: [5] },
        { dims: [1], dtype: "int64", values: [-1] },
      ],
      expected: [[-1, 5, 5]],
    },
    { name: "broadcast", inputs: [bools(1, 0, 1), random([2, 1]), random([4, 1, 1])] },
  ],
});
