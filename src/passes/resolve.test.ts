import { expect, test } from "vitest";
import { expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { resolve } from "./resolve.ts";
import { checkOperators } from "./support.ts";

test("every value gets its type", () => {
  const b = new GraphBuilder();
  const y = b.op("Relu", [b.input("x", ["N", 3])]);
  const typed = resolve(b.graph(y), new Map([["x", [2, 3]]]));
  expect(typed.types.get(y)).toEqual({ dtype: "float32", dims: [2, 3] });
  expectValid(typed);
});

test("what depends on constants only is computed at once", () => {
  const b = new GraphBuilder();
  const y = b.op("Relu", [b.constant([2], [-1, 4])]);
  const typed = b.typed(y);
  expect(opsOf(typed)).toEqual([]);
  expect([...typed.constants.get(y)!.data]).toEqual([0, 4]);
});

test("unknown operators are reported all at once", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const graph = b.graph(b.op("Foo", [b.op("Bar", [b.op("Relu", [x])])]));
  const check = () => checkOperators(graph);
  expect(check).toThrow("2 nodes cannot run");
  expect(check).toThrow(/\(Foo\)/);
  expect(check).toThrow(/\(Bar\)/);
});
