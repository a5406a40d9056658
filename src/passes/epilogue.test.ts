import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { fuseEpilogues } from "./epilogue.ts";

test("an activation joins the node before it", () => {
  const b = new GraphBuilder();
  const y = b.op("LeakyRelu", [b.op("Relu", [b.input("x", [2, 3])])], { alpha: 0.5 });
  const before = b.typed(y);
  const after = fuseEpilogues(before);
  expect(opsOf(after)).toEqual(["Relu+LeakyRelu"]);
  expectValid(after);
  expectSameResults(after, before);
});

test("a value with two readers, or that is an output, is kept", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [b.input("x", [2, 3])]);
  const before = b.typed(x, b.op("LeakyRelu", [x]));
  expect(opsOf(fuseEpilogues(before))).toEqual(["Relu", "LeakyRelu"]);
});
