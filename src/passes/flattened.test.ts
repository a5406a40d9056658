import { describe, expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder, opsOf } from "../../test/graphs.ts";
import type { TypedGraph } from "../graph/index.ts";
import { orderWeightsAsPicture } from "./flattened.ts";
import { rewrite } from "./rewrite.ts";

function apply(before: TypedGraph): TypedGraph {
  const after = rewrite(before, orderWeightsAsPicture);
  expectValid(after);
  expectSameResults(after, before);
  return after;
}

/** A picture [2, 3, 4, 5], transposed by `perm`. */
function transposed(perm: number[]) {
  const b = new GraphBuilder();
  return { b, y: b.op("Transpose", [b.input("x", [2, 3, 4, 5])], { perm }) };
}

describe("weights follow the picture", () => {
  test.each([
    ["Gemm, weights by rows of outputs", { transB: 1 }, [6, 60]],
    ["Gemm, weights by rows of inputs", {}, [60, 6]],
  ])("%s", (_name, attributes, dims) => {
    const { b, y } = transposed([0, 3, 1, 2]);
    const inputs = [b.op("Flatten", [y]), b.weight(dims), b.weight([6])];
    const after = apply(b.typed(b.op("Gemm", inputs, attributes)));
    expect(opsOf(after)).toEqual(["Reshape", "Gemm"]);
  });

  test("MatMul behind a Reshape, axes in reverse", () => {
    const { b, y } = transposed([0, 3, 2, 1]);
    const flat = b.op("Reshape", [y, b.ints(2, -1)]);
    expect(opsOf(apply(b.typed(b.op("MatMul", [flat, b.weight([60, 7])]))))).toEqual([
      "Reshape",
      "MatMul",
    ]);
  });

  test("the transposed picture stays where others read it", () => {
    const { b, y } = transposed([0, 2, 3, 1]);
    const linear = b.op("MatMul", [b.op("Flatten", [y]), b.weight([60, 4])]);
    const after = apply(b.typed(linear, b.op("Relu", [y])));
    expect(opsOf(after).sort()).toEqual(["MatMul", "Relu", "Reshape", "Transpose"]);
  });

  test("equal weights are put in order once, whatever the batch", () => {
    const b = new GraphBuilder();
    const weights = b.weight([60, 4]);
    const layers = [2, 3].map((n) => {
      const y = b.op("Transpose", [b.input(`x${n}`, [n, 3, 4, 5])], { perm: [0, 2, 3, 1] });
      return b.op("MatMul", [b.op("Flatten", [y]), weights]);
    });
    const after = apply(b.typed(...layers));
    const used = after.nodes.filter(({ op }) => op === "MatMul").map(({ inputs }) => inputs[1]!);
    expect(after.constants.get(used[0]!)).toBe(after.constants.get(used[1]!));
  });
});

describe("left as they are", () => {
  test.each<[string, (site: { b: GraphBuilder; y: string }) => string]>([
    [
      "weights that are computed",
      ({ b, y }) => b.op("MatMul", [b.op("Flatten", [y]), b.input("w", [60, 4])]),
    ],
    [
      "rows of several pictures",
      ({ b, y }) => b.op("MatMul", [b.op("Reshape", [y, b.ints(4, 30)]), b.weight([30, 4])]),
    ],
    [
      "a matrix that is transposed itself",
      ({ b, y }) => b.op("Gemm", [b.op("Flatten", [y]), b.weight([2, 4])], { transA: 1 }),
    ],
    [
      "more than a matrix",
      ({ b, y }) => b.op("MatMul", [b.op("Reshape", [y, b.ints(1, 2, 60)]), b.weight([60, 4])]),
    ],
  ])("%s", (_name, make) => {
    const site = transposed([0, 3, 1, 2]);
    expect(opsOf(apply(site.b.typed(make(site))))).toContain("Transpose");
  });

  test("a batch that is moved", () => {
    const { b, y } = transposed([1, 0, 2, 3]);
    const flat = b.op("Reshape", [y, b.ints(3, 40)]);
    expect(opsOf(apply(b.typed(b.op("MatMul", [flat, b.weight([40, 4])]))))).toContain("Transpose");
  });
});
