import { expect, test } from "vitest";
import {
  expectSameResults,
  expectValid,
  GraphBuilder,
  opsOf,
  randomFeeds,
} from "../../test/graphs.ts";
import { evaluateGraph } from "./evaluate-graph.ts";
import { toFloat16 } from "./precision.ts";

test("float16 inside, the model's types outside", () => {
  const b = new GraphBuilder();
  const x = b.op("Conv", [b.input("x", [1, 2, 4, 4]), b.weight([3, 2, 1, 1])]);
  const y = b.op("Relu", [x]);
  const before = b.typed(y, b.op("Tanh", [y]));
  const after = toFloat16(before);
  expect(opsOf(after)).toEqual(["Cast", "Conv", "Relu", "Tanh", "Cast", "Cast"]);
  expect(after.types.get(x)!.dtype).toBe("float16");
  expect(after.outputs).toEqual(before.outputs);
  for (const { name } of after.outputs) expect(after.types.get(name)!.dtype).toBe("float32");
  expectValid(after);
  expectSameResults(after, before, 2e-3);
});

test("a Cast to float32 inside casts to float16", () => {
  const b = new GraphBuilder();
  const x = b.op("Cast", [b.input("x", [3], "int32")], { to: 1 });
  const after = toFloat16(b.typed(b.op("Relu", [b.op("Relu", [x])])));
  expect(after.types.get(x)!.dtype).toBe("float16");
  expectValid(after);
});

test("constants are cast once, and finite ones stay finite", () => {
  const b = new GraphBuilder();
  const mask = b.constant([2], [-1e9, 1]);
  const x = b.op("Max", [b.op("Add", [b.input("x", [2]), mask]), mask]);
  const before = b.typed(x);
  const after = toFloat16(before);
  const halves = [...after.constants.values()].filter((t) => t.dtype === "float16");
  expect(halves).toHaveLength(1);
  expect([...halves[0]!.toNumbers()]).toEqual([-65504, 1]);
});

test("an output that is an input stays what it is", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2]);
  const after = toFloat16(b.typed(x, b.op("Relu", [x])));
  expectValid(after);
  const outputs = evaluateGraph(after, randomFeeds(after));
  for (const tensor of outputs.values()) expect(tensor.dtype).toBe("float32");
});
