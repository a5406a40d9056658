import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { composeTransposes, simplifyViews } from "./reorder.ts";
import { rewrite } from "./rewrite.ts";

test("Transposes in a row are one", () => {
  const b = new GraphBuilder();
  const x = b.op("Transpose", [b.input("x", [2, 3, 4])], { perm: [1, 2, 0] });
  const y = b.op("Transpose", [b.op("Transpose", [x])], { perm: [0, 2, 1] });
  const before = b.typed(y);
  const after = rewrite(before, composeTransposes);
  expect(opsOf(after)).toEqual(["Transpose"]);
  expectValid(after);
  expectSameResults(after, before);
});

test("moving axes of size 1 is a view, and views are merged", () => {
  const b = new GraphBuilder();
  const x = b.op("Transpose", [b.input("x", [2, 1, 1, 4])], { perm: [0, 3, 1, 2] });
  const y = b.op("Unsqueeze", [b.op("Flatten", [x]), b.ints(1)]);
  const before = b.typed(b.op("Relu", [y]));
  const after = rewrite(before, simplifyViews);
  expect(opsOf(after)).toEqual(["Reshape", "Relu"]);
  expectValid(after);
  expectSameResults(after, before);
});

test("views that end where they began vanish", () => {
  const b = new GraphBuilder();
  const x = b.op("Reshape", [b.input("x", [2, 6]), b.ints(3, 4)]);
  const before = b.typed(b.op("Relu", [b.op("Reshape", [x, b.ints(2, 6)])]));
  expect(opsOf(rewrite(before, simplifyViews))).toEqual(["Relu"]);
});

test("moving longer axes stays", () => {
  const b = new GraphBuilder();
  const before = b.typed(b.op("Transpose", [b.input("x", [2, 1, 4])], { perm: [2, 1, 0] }));
  expect(rewrite(before, simplifyViews).nodes).toEqual(before.nodes);
});
