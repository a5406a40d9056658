import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import type { Attributes } from "../graph/index.ts";
import { fuseEpilogues } from "./epilogue.ts";
import { rewrite } from "./rewrite.ts";
import { mergeSeparable } from "./separable.ts";

const last = { layout: "NHWC" };

function depthwise(b: GraphBuilder, x: string, attributes: Attributes = {}) {
  const inputs = [x, b.weight([8, 1, 3, 3]), b.weight([8])];
  return b.op("Conv", inputs, { ...last, group: 8, pads: [1, 1, 1, 1], ...attributes });
}

const pointwise = (b: GraphBuilder, x: string, attributes: Attributes = {}) =>
  b.op("Conv", [x, b.weight([12, 8, 1, 1]), b.weight([12])], { ...last, ...attributes });

const clip = (b: GraphBuilder, x: string) => b.op("Clip", [x], { min: 0, max: 6 });

function run(b: GraphBuilder, ...outputs: string[]) {
  const before = fuseEpilogues(b.typed(...outputs));
  const after = rewrite(before, mergeSeparable);
  expect(after.outputs).toEqual(before.outputs);
  expectValid(after);
  expectSameResults(after, before);
  return after;
}

test("a depthwise convolution, its activation and a 1x1 convolution become one node", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 6, 5, 8]);
  const after = run(b, pointwise(b, clip(b, depthwise(b, x))));
  expect(opsOf(after)).toEqual(["SeparableConv"]);
  expect(after.nodes[0]!.attributes).toMatchObject({ low: 0, high: 6, pads: [1, 1, 1, 1] });
});

test("with strides and Relu, with no activation, and with what follows", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 7, 6, 8]);
  const y = b.input("y", [2, 4, 3, 12]);
  const small = b.op("Relu", [depthwise(b, x, { strides: [2, 2] })]);
  const sum = b.op("Tanh", [b.op("Add", [y, pointwise(b, small)])]);
  const after = run(b, sum, pointwise(b, depthwise(b, x)));
  expect(opsOf(after)).toEqual(["SeparableConv+Add+Tanh", "SeparableConv"]);
});

test("without biases", () => {
  const b = new GraphBuilder();
  const window = [b.input("x", [1, 6, 5, 8]), b.weight([8, 1, 3, 3])];
  const between = b.op("Conv", window, { ...last, group: 8 });
  const after = run(b, b.op("Conv", [between, b.weight([4, 8, 1, 1])], last));
  expect(opsOf(after)).toEqual(["SeparableConv"]);
});

test("a value between that others need is kept", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 6, 5, 8]);
  const shared = clip(b, depthwise(b, x));
  const output = clip(b, depthwise(b, x));
  const after = run(b, pointwise(b, shared), b.op("Tanh", [shared]), output, pointwise(b, output));
  expect(opsOf(after).filter((op) => op === "SeparableConv")).toEqual([]);
});

test.each<[string, (b: GraphBuilder, x: string) => string]>([
  ["another activation", (b, x) => pointwise(b, b.op("Tanh", [depthwise(b, x)]))],
  [
    "a step with an operand",
    (b, x) => pointwise(b, b.op("Add", [depthwise(b, x), b.weight([1, 6, 5, 8])])),
  ],
  ["a strided 1x1", (b, x) => pointwise(b, depthwise(b, x), { strides: [2, 2] })],
  ["a padded 1x1", (b, x) => pointwise(b, depthwise(b, x), { pads: [1, 1, 1, 1] })],
  [
    "a 3x3 behind it",
    (b, x) => b.op("Conv", [depthwise(b, x), b.weight([4, 8, 3, 3])], { ...last }),
  ],
  [
    "groups in the 1x1",
    (b, x) => b.op("Conv", [depthwise(b, x), b.weight([4, 4, 1, 1])], { ...last, group: 2 }),
  ],
  [
    "two filters per channel",
    (b, x) =>
      b.op(
        "Conv",
        [
          b.op("Conv", [x, b.weight([16, 1, 3, 3])], { ...last, group: 8 }),
          b.weight([4, 16, 1, 1]),
        ],
        last,
      ),
  ],
  [
    "filters that are no multiple of 4",
    (b, x) => b.op("Conv", [depthwise(b, x), b.weight([6, 8, 1, 1])], last),
  ],
  [
    "weights that are computed",
    (b, x) => b.op("Conv", [depthwise(b, x), b.input("w", [4, 8, 1, 1])], last),
  ],
])("%s is left alone", (_, build) => {
  const b = new GraphBuilder();
  const after = run(b, build(b, b.input("x", [1, 6, 5, 8])));
  expect(opsOf(after).some((op) => op.startsWith("SeparableConv"))).toBe(false);
});

test("more operands than a shader has buffers for are left alone", () => {
  const b = new GraphBuilder();
  let x = pointwise(b, depthwise(b, b.input("x", [1, 6, 5, 8])));
  for (let i = 0; i < 3; i++) x = b.op("Add", [x, b.weight([1, 6, 5, 12])]);
  expect(opsOf(run(b, x))).toEqual(["Conv", "Conv+Add+Add+Add"]);
});

test("on large pictures, few and many filters stay two layers", () => {
  const merged = (size: number, filters: number) => {
    const b = new GraphBuilder();
    const x = depthwise(b, b.input("x", [1, size, size, 8]));
    const graph = b.typed(b.op("Conv", [x, b.weight([filters, 8, 1, 1])], last));
    return opsOf(rewrite(graph, mergeSeparable)).join();
  };
  expect(merged(500, 24)).toBe("SeparableConv");
  expect(merged(500, 16)).toBe("Conv,Conv");
  expect(merged(40, 16)).toBe("SeparableConv");
  expect(merged(240, 64)).toBe("SeparableConv");
  expect(merged(240, 96)).toBe("Conv,Conv");
  expect(merged(40, 128)).toBe("SeparableConv");
});

test("large windows stay two layers", () => {
  const merged = (side: number) => {
    const b = new GraphBuilder();
    const taps = b.weight([8, 1, side, side]);
    const x = b.op("Conv", [b.input("x", [1, 9, 9, 8]), taps], { ...last, group: 8 });
    const graph = b.typed(b.op("Conv", [x, b.weight([12, 8, 1, 1])], last));
    return opsOf(rewrite(graph, mergeSeparable)).join();
  };
  expect(merged(3)).toBe("SeparableConv");
  expect(merged(5)).toBe("Conv,Conv");
});
