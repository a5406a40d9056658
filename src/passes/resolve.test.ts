import { describe, expect, test } from "vitest";
import { expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import { resolve } from "./resolve.ts";

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

test("shape arithmetic disappears", () => {
  const b = new GraphBuilder();
  const x = b.op("Relu", [b.input("x", ["N", 3, "H", 4])]);
  const batch = b.op("Gather", [b.op("Shape", [x]), b.ints(0)]);
  const rest = b.op("Div", [b.op("Size", [x]), b.op("Squeeze", [batch])]);
  const shape = b.op("Concat", [batch, b.op("Unsqueeze", [rest, b.ints(0)])], { axis: 0 });
  const y = b.op("Reshape", [x, shape]);
  const typed = resolve(b.graph(y), new Map([["x", [2, 3, 5, 4]]]));
  expect(opsOf(typed)).toEqual(["Relu", "Reshape"]);
  expect(typed.types.get(y)!.dims).toEqual([2, 60]);
  expect([...typed.constants.values()].map((t) => [...t.toNumbers()])).toEqual([[2, 60]]);
  expectValid(typed);
});

test("a small constant that would become a large one is expanded at run time", () => {
  const b = new GraphBuilder();
  const large = b.op("Expand", [b.weight([1, 512]), b.ints(16384, 512)]);
  const small = b.op("Expand", [b.weight([1, 4]), b.ints(3, 4)]);
  const typed = b.typed(b.op("Add", [b.input("x", [1]), large]), small);
  expect(opsOf(typed)).toEqual(["Expand", "Add"]);
  expect(typed.constants.has(small)).toBe(true);
});

describe("errors", () => {
  test("unknown operators are reported all at once", () => {
    const b = new GraphBuilder();
    const x = b.input("x", [2, 3]);
    const y = b.op("Foo", [b.op("Bar", [b.op("Relu", [x])])]);
    const check = () => b.typed(y);
    expect(check).toThrow("2 things");
    expect(check).toThrow(/Foo \(node "Foo/);
    expect(check).toThrow(/Bar \(node "Bar/);
  });

  test("what does not fit names the node and both numbers", () => {
    const b = new GraphBuilder();
    const y = b.op("Conv", [b.input("x", [1, 3, 5, 5]), b.weight([2, 4, 3, 3])]);
    expect(() => b.typed(y)).toThrow(
      /node "Conv\d" \(Conv\): weights expect 4 input channels .* input has 3/,
    );
  });
});
