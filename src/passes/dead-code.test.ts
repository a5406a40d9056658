import { expect, test } from "vitest";
import { expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { removeDeadCode } from "./dead-code.ts";

test("nodes, constants and types that no output depends on go; inputs stay", () => {
  const b = new GraphBuilder();
  const [x, idle] = [b.input("x", [2]), b.input("idle", [2])];
  b.op("Tanh", [b.op("Add", [idle, b.weight([2])])]);
  const y = b.op("Relu", [x]);
  const after = removeDeadCode(b.typed(y));
  expect(opsOf(after)).toEqual(["Relu"]);
  expect(after.constants.size).toBe(0);
  expect([...after.types.keys()].sort()).toEqual([y, "idle", "x"].sort());
  expectValid(after);
});

test("an optional output that nobody reads goes, a part of Split stays", () => {
  const b = new GraphBuilder();
  const [kept] = b.ops("Dropout", [b.input("x", [4])], 2);
  const [part] = b.ops("Split", [kept!], 2, { axis: 0 });
  const after = removeDeadCode(b.typed(part!));
  expect(after.nodes.map((n) => n.outputs.length)).toEqual([1, 2]);
  expectValid(after);
});
