import { expect, test } from "vitest";
import { expectSameResults, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { shareEqualNodes } from "./cse.ts";
import { rewrite } from "./rewrite.ts";

test("what is computed twice is computed once", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const [p, q] = [1, 2].map(() => b.op("LeakyRelu", [b.op("Tanh", [x])], { alpha: 0.2 }));
  const other = b.op("LeakyRelu", [b.op("Tanh", [x])], { alpha: 0.3 });
  const before = b.typed(b.op("Add", [b.op("Add", [p!, q!]), other]));
  const after = rewrite(before, shareEqualNodes());
  expect(opsOf(after)).toEqual(["Tanh", "LeakyRelu", "LeakyRelu", "Add", "Add"]);
  expectSameResults(after, before);
});

test("infinite bounds are told apart", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const [p, q] = [Infinity, 0.1].map((max) => b.op("Clip", [x], { min: 0, max }));
  const before = b.typed(b.op("Sub", [p!, q!]));
  expectSameResults(rewrite(before, shareEqualNodes()), before);
});
