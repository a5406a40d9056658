import { describe, expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder } from "../../test/graphs.ts";
import { recognizeActivations } from "./activations.ts";
import { rewrite } from "./rewrite.ts";

type Write = (b: GraphBuilder, x: string) => string;
const scalar = (b: GraphBuilder, v: number) => b.constant([], [v]);
const clipped: Write = (b, x) => b.op("Clip", [b.op("Add", [x, scalar(b, 3)])], { min: 0, max: 6 });

const found: readonly (readonly [string, string, Write])[] = [
  ["Swish", "x * Sigmoid(x)", (b, x) => b.op("Mul", [x, b.op("Sigmoid", [x])])],
  ["Swish", "Sigmoid(x) * x", (b, x) => b.op("Mul", [b.op("Sigmoid", [x]), x])],
  ["HardSigmoid", "Clip(x + 3, 0, 6) / 6", (b, x) => b.op("Div", [clipped(b, x), scalar(b, 6)])],
  [
    "HardSigmoid",
    "1/6 * Clip(3 + x, 0, 6)",
    (b, x) => {
      const sum = b.op("Add", [scalar(b, 3), x]);
      return b.op("Mul", [scalar(b, 1 / 6), b.op("Clip", [sum], { min: 0, max: 6 })]);
    },
  ],
  [
    "HardSwish",
    "x * HardSigmoid(x)",
    (b, x) => b.op("Mul", [x, b.op("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 })]),
  ],
  [
    "HardSwish",
    "x * (Clip(x + 3, 0, 6) / 6)",
    (b, x) => b.op("Mul", [x, b.op("Div", [clipped(b, x), scalar(b, 6)])]),
  ],
  [
    "HardSwish",
    "(x * Clip(x + 3, 0, 6)) / 6",
    (b, x) => b.op("Div", [b.op("Mul", [x, clipped(b, x)]), scalar(b, 6)]),
  ],
  [
    "HardSwish",
    "(x / 6) * Clip(x + 3, 0, 6)",
    (b, x) => b.op("Mul", [b.op("Div", [x, scalar(b, 6)]), clipped(b, x)]),
  ],
];

const different: readonly (readonly [string, Write])[] = [
  ["x * Sigmoid(-x)", (b, x) => b.op("Mul", [x, b.op("Sigmoid", [b.op("Neg", [x])])])],
  ["Clip(x + 3, 0, 6) / 5", (b, x) => b.op("Div", [clipped(b, x), scalar(b, 5)])],
  ["6 / Clip(x + 3, 0, 6)", (b, x) => b.op("Div", [scalar(b, 6), clipped(b, x)])],
  ["x * HardSigmoid(x, 0.2)", (b, x) => b.op("Mul", [x, b.op("HardSigmoid", [x])])],
];

describe("recognized", () => {
  test.each(found)("%s: %s", (op, _text, write) => {
    const b = new GraphBuilder();
    const before = b.typed(write(b, b.op("Mul", [b.input("x", [2, 9]), scalar(b, 5)])));
    const after = rewrite(before, recognizeActivations);
    expect(after.nodes.map((n) => n.op)).toEqual(["Mul", op]);
    expectValid(after);
    expectSameResults(after, before);
  });
});

describe("left alone", () => {
  test.each(different)("%s", (_text, write) => {
    const b = new GraphBuilder();
    const before = b.typed(write(b, b.input("x", [2, 9])));
    expect(rewrite(before, recognizeActivations).nodes).toEqual(before.nodes);
  });
});

test("Clip(Relu(x)) is one Clip", () => {
  const b = new GraphBuilder();
  const x = b.op("Mul", [b.input("x", [50]), scalar(b, 9)]);
  const before = b.typed(b.op("Clip", [b.op("Relu", [x])], { min: -2, max: 6 }));
  const after = rewrite(before, recognizeActivations);
  expect(after.nodes.map((n) => n.op)).toEqual(["Mul", "Clip"]);
  expectSameResults(after, before);
});
