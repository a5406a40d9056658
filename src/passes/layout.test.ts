import { describe, expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import type { TypedGraph } from "../graph/index.ts";
import { toChannelsLast } from "./layout.ts";
import { composeTransposes, simplifyViews } from "./reorder.ts";
import { rewrite } from "./rewrite.ts";

/** Runs the pass and what cleans up after it; returns the operators that remain. */
function run(before: TypedGraph): string[] {
  const raw = toChannelsLast(before);
  expectValid(raw);
  const after = rewrite(rewrite(raw, composeTransposes), simplifyViews);
  expectValid(after);
  expectSameResults(after, before);
  return opsOf(after);
}

const conv = (b: GraphBuilder, x: string, from: number, to: number, kernel = [3, 3]) =>
  b.op("Conv", [x, b.weight([to, from, ...kernel]), b.weight([to])], {
    pads: [...kernel, ...kernel].map((k) => Math.floor(k / 2)),
  });

describe("one Transpose at each border", () => {
  test.each([[[1, 2, 9]], [[1, 2, 5, 6]], [[2, 2, 3, 4, 5]]])("of a picture %j", (dims) => {
    const b = new GraphBuilder();
    const kernel = dims.slice(2).map(() => 3);
    const x = conv(b, b.input("x", dims), 2, 3, kernel);
    const y = conv(b, b.op("Relu", [x]), 3, 4, kernel);
    expect(run(b.typed(y))).toEqual(["Transpose", "Conv", "Relu", "Conv", "Transpose"]);
  });

  test("through a residual block, with constants of every rank", () => {
    const b = new GraphBuilder();
    const x = conv(b, b.input("x", [1, 2, 5, 6]), 2, 4);
    const y = conv(b, b.op("Mul", [x, b.weight([4, 1, 1])]), 4, 4);
    const z = b.op("Add", [b.op("Add", [y, x]), b.weight([6])]);
    const out = b.op("Mul", [b.op("Add", [z, b.weight([1, 4, 5, 1])]), b.weight([])]);
    expect(run(b.typed(out))).toEqual([
      "Transpose",
      "Conv",
      "Mul",
      "Conv",
      "Add",
      "Add",
      "Add",
      "Mul",
      "Transpose",
    ]);
  });

  test("through Concat, Split, Slice and Pad", () => {
    const b = new GraphBuilder();
    const x = conv(b, b.input("x", [1, 2, 5, 6]), 2, 4);
    const [p, q] = b.ops("Split", [x], 2, { axis: 1 });
    const joined = b.op("Concat", [q!, b.op("Relu", [p!]), b.weight([1, 3, 5, 6])], { axis: -3 });
    const sliced = b.op("Slice", [joined, b.ints(1, 1), b.ints(6, 4), b.ints(1, 2)]);
    const padded = b.op("Pad", [sliced, b.ints(0, 1, 2, 0, 0, 0, 1, 3)], { mode: "edge" });
    const names = run(b.typed(conv(b, padded, 6, 2)));
    expect(names.filter((op) => op === "Transpose")).toHaveLength(2);
  });
});

test("squeeze and excite adds none", () => {
  const b = new GraphBuilder();
  const x = conv(b, b.input("x", [1, 2, 5, 6]), 2, 4);
  const mean = b.op("AveragePool", [x], { kernel_shape: [5, 6] });
  const gate = b.op("Sigmoid", [conv(b, mean, 4, 4, [1, 1])]);
  const names = run(b.typed(conv(b, b.op("Mul", [gate, x]), 4, 2)));
  expect(names.filter((op) => op === "Transpose")).toHaveLength(2);
});

test("a picture of one pixel needs none: Flatten reads it as it lies", () => {
  const b = new GraphBuilder();
  const x = conv(b, b.input("x", [1, 2, 5, 6]), 2, 4);
  const mean = b.op("AveragePool", [x], { kernel_shape: [5, 6] });
  const flat = b.op("Gemm", [b.op("Flatten", [mean]), b.weight([4, 3])]);
  expect(run(b.typed(flat))).toEqual(["Transpose", "Conv", "AveragePool", "Reshape", "Gemm"]);
});

test("the small side of an operator that enlarges is transposed", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 2, 3, 4]);
  const wide = b.op("Pad", [b.op("Relu", [x]), b.ints(0, 0, 4, 4, 0, 0, 4, 4)]);
  const names = run(b.typed(conv(b, b.op("Sigmoid", [wide]), 2, 3)));
  expect(names).toEqual(["Transpose", "Relu", "Pad", "Sigmoid", "Conv", "Transpose"]);
});

test("a model that transposes at its borders gets rid of it", () => {
  const b = new GraphBuilder();
  const x = b.op("Transpose", [b.input("x", [1, 5, 6, 2])], { perm: [0, 3, 1, 2] });
  const y = b.op("Relu", [conv(b, b.op("Relu", [x]), 2, 3)]);
  const out = b.op("Transpose", [y], { perm: [0, 2, 3, 1] });
  expect(run(b.typed(out)).filter((op) => op === "Transpose")).toEqual([]);
});

test("computed operands of lower rank", () => {
  const b = new GraphBuilder();
  const x = conv(b, b.input("x", [1, 2, 5, 6]), 2, 4);
  const y = b.op("Add", [x, b.input("row", [6])]);
  const z = b.op("Mul", [b.input("map", [4, 5, 6]), b.op("Add", [y, b.input("one", [1])])]);
  const names = run(b.typed(conv(b, z, 4, 2)));
  expect(names.filter((op) => op === "Conv")).toHaveLength(2);
});

test("a graph without pictures is left alone", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [b.op("Transpose", [b.input("x", [2, 3, 4])], { perm: [2, 0, 1] })]);
  const before = b.typed(b.op("Concat", [x, x], { axis: 1 }));
  expect(toChannelsLast(before)).toBe(before);
});
