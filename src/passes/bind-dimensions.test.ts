import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import { bindDimensions } from "./bind-dimensions.ts";

function twoInputs() {
  const b = new GraphBuilder();
  const x = b.input("x", ["N", 3, "H", "?"]);
  b.input("y", ["N", 4]);
  return b.graph(b.op("Relu", [x]));
}

const shapes = (x: number[], y: number[]) =>
  new Map([
    ["x", x],
    ["y", y],
  ]);

test("names get their sizes", () => {
  const bound = bindDimensions(twoInputs(), shapes([2, 3, 8, 9], [2, 4]));
  expect(Object.fromEntries(bound)).toEqual({ N: 2, H: 8 });
});

describe("errors name the input, the axis and both numbers", () => {
  test.each([
    [[2, 3, 8], [2, 4], 'input "x" is 3-D (2x3x8), the model expects 4-D (Nx3xHx?)'],
    [[2, 1, 8, 8], [2, 4], 'input "x", axis 1: the model expects 3, the shape has 1'],
    [[2, 3, 8, 8], [5, 4], 'axis 0: "N" is 5 here but 2 at input "x", axis 0'],
    [[2, 3, 0, 8], [2, 4], "a size must be 1 or more, not 0"],
  ])("%j and %j", (x, y, message) => {
    expect(() => bindDimensions(twoInputs(), shapes(x, y))).toThrow(message);
  });

  test("a missing and an unknown input", () => {
    const graph = twoInputs();
    expect(() => bindDimensions(graph, new Map([["x", [1, 3, 2, 2]]]))).toThrow('"y" is missing');
    const extra = shapes([1, 3, 2, 2], [1, 4]).set("z", [1]);
    expect(() => bindDimensions(graph, extra)).toThrow('no input "z"');
  });
});
