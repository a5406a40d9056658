import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { keepReducedAxes } from "./reduced-axes.ts";
import { rewrite } from "./rewrite.ts";

test.each([
  ["ReduceMean", [2, 3]],
  ["ReduceMax", [-3]],
  ["ReduceSum", [1, -1]],
])("%s over %j keeps its axes, and a Reshape drops them", (op, axes) => {
  const b = new GraphBuilder();
  const before = b.typed(b.op(op, [b.input("x", [2, 3, 4, 5]), b.ints(...axes)], { keepdims: 0 }));
  const after = rewrite(before, keepReducedAxes);
  expect(opsOf(after)).toEqual([op, "Reshape"]);
  expectValid(after);
  expectSameResults(after, before);
});

test("one that keeps them already is left alone", () => {
  const b = new GraphBuilder();
  const before = b.typed(b.op("ReduceMean", [b.input("x", [2, 3, 4]), b.ints(1)]));
  expect(rewrite(before, keepReducedAxes).nodes).toEqual(before.nodes);
});
