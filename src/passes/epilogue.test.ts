import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { fuseEpilogues } from "./epilogue.ts";

const conv = (b: GraphBuilder, x: string) =>
  b.op("Conv", [x, b.weight([2, 2, 3, 3])], { pads: [1, 1, 1, 1] });

function run(b: GraphBuilder, ...outputs: string[]) {
  const before = b.typed(...outputs);
  const after = fuseEpilogues(before);
  expect(after.outputs).toEqual(before.outputs);
  expectValid(after);
  expectSameResults(after, before);
  return after;
}

test("scale, residual sum and activation join the convolution", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [conv(b, b.input("x", [1, 2, 4, 5]))]);
  const y = b.op("Mul", [conv(b, x), b.weight([2, 1, 1])]);
  const after = run(b, b.op("Relu", [b.op("Add", [x, y])]));
  expect(opsOf(after)).toEqual(["Conv+Relu", "Conv+Mul+Add+Relu"]);
});

test("the order of the arguments is kept", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 2, 4, 5]);
  const after = run(b, b.op("Sub", [b.weight([]), b.op("Div", [conv(b, x), b.weight([], 1, 2)])]));
  expect(after.nodes[0]!.epilogue!.map((s) => s.operandFirst ?? false)).toEqual([false, true]);
});

test("of two producers the later one takes the sum, and runs where the other is known", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 2, 4, 5]);
  const [p, q] = [conv(b, x), conv(b, x)];
  const after = run(b, b.op("Add", [p, q]), b.op("Tanh", [x]));
  expect(opsOf(after)).toEqual(["Conv", "Conv+Add", "Tanh"]);
  expect(after.nodes[1]!.epilogue![0]!.operand).toBe(p);
});

test("an operand that is computed after the producer", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 2, 4, 5]);
  const early = conv(b, x);
  const late = b.op("Concat", [b.op("Tanh", [x])], { axis: 1 });
  expect(opsOf(run(b, b.op("Add", [early, late])))).toEqual(["Tanh", "Concat", "Conv+Add"]);
});

test("an operand that depends on the same value is no cycle", () => {
  const b = new GraphBuilder();
  const x = conv(b, b.input("x", [1, 2, 4, 5]));
  expect(opsOf(run(b, b.op("Add", [x, conv(b, x)])))).toEqual(["Conv", "Conv+Add"]);
});

test("a value with two readers, read twice, or that is an output, is kept", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [b.input("x", [2, 3])]);
  const y = b.op("Exp", [x]);
  const after = run(b, x, b.op("Mul", [y, y]));
  expect(opsOf(after)).toEqual(["Relu", "Exp", "Mul"]);
});

test("what changes the shape or the type is not fused", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [b.input("x", [2, 3])]);
  const wide = b.op("Add", [x, b.weight([4, 2, 3])]);
  const flags = b.op("Greater", [b.op("Relu", [b.input("y", [2, 3])]), b.weight([])]);
  const sum = b.op("Sum", [b.op("Relu", [b.input("z", [2])]), b.weight([2]), b.weight([2])]);
  const after = run(b, b.op("Identity", [wide]), flags, sum);
  expect(opsOf(after)).toEqual(["Relu", "Add", "Relu", "Greater", "Relu", "Sum", "Identity"]);
});

test("a node takes three operands at most, and activations beyond", () => {
  const b = new GraphBuilder();
  let x = conv(b, b.input("x", [1, 2, 4, 5]));
  for (let i = 0; i < 4; i++) x = b.op("Relu", [b.op("Add", [x, b.weight([2, 1, 1])])]);
  expect(opsOf(run(b, x))).toEqual(["Conv+Add+Relu+Add+Relu+Add+Relu", "Add+Relu"]);
});
