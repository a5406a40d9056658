import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { dropIdentities } from "./identities.ts";
import { rewrite } from "./rewrite.ts";

const run = (b: GraphBuilder, ...outputs: string[]) => {
  const before = b.typed(...outputs);
  const after = rewrite(before, dropIdentities);
  expectValid(after);
  expectSameResults(after, before);
  return after;
};

test("what only repeats its input goes", () => {
  const b = new GraphBuilder();
  let x = b.input("x", [2, 3, 4]);
  x = b.op("Identity", [x]);
  x = b.op("Dropout", [x]);
  x = b.op("Cast", [x], { to: 1 });
  x = b.op("Transpose", [x], { perm: [0, 1, 2] });
  x = b.op("Reshape", [x, b.ints(2, 3, -1)]);
  x = b.op("Concat", [x], { axis: 1 });
  x = b.op("Pad", [x, b.ints(0, 0, 0, 0, 0, 0)]);
  expect(opsOf(run(b, b.op("Relu", [x])))).toEqual(["Relu"]);
});

test("what changes something stays", () => {
  const b = new GraphBuilder();
  let x = b.input("x", [3, 3]);
  x = b.op("Transpose", [x]);
  x = b.op("Pad", [x, b.ints(1, 0, -1, 0)]);
  x = b.op("Cast", [x], { to: 10 });
  expect(opsOf(run(b, x))).toEqual(["Transpose", "Pad", "Cast"]);
});

test("a graph output keeps its name", () => {
  const b = new GraphBuilder();
  const y = b.op("Relu", [b.input("x", [2, 3])]);
  const out = b.op("Identity", [y]);
  const after = run(b, out, b.op("Tanh", [y]));
  expect(opsOf(after)).toEqual(["Relu", "Tanh"]);
  expect(after.nodes[0]!.outputs).toEqual([out]);
  expect(after.nodes[1]!.inputs).toEqual([out]);
});

test("an output that is an input, or another output, is copied", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const y = b.op("Relu", [x]);
  const after = run(b, b.op("Identity", [x]), y, b.op("Identity", [y]));
  expect(opsOf(after)).toEqual(["Relu", "Identity", "Identity"].sort().reverse());
});
