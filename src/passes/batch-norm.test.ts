import { describe, expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder } from "../../test/graphs.ts";
import { foldIntoWeights, splitBatchNormalization } from "./batch-norm.ts";
import { rewrite } from "./rewrite.ts";

const normalize = (b: GraphBuilder, x: string, channels: number) => {
  const [gamma, beta, mean] = [0, 1, 2].map(() => b.weight([channels]));
  const variance = b.weight([channels], 0.5, 2);
  return b.op("BatchNormalization", [x, gamma!, beta!, mean!, variance], { epsilon: 1e-3 });
};

type Write = (b: GraphBuilder) => readonly [value: string, channels: number];

const producers: Record<string, Write> = {
  Conv: (b) => [b.op("Conv", [b.input("x", [2, 3, 5, 5]), b.weight([4, 3, 3, 3])]), 4],
  "Conv with bias and groups": (b) => {
    const x = b.input("x", [1, 4, 5, 5]);
    return [b.op("Conv", [x, b.weight([6, 2, 3, 3]), b.weight([6])], { group: 2 }), 6];
  },
  "1-D Conv": (b) => [b.op("Conv", [b.input("x", [2, 3, 9]), b.weight([4, 3, 3])]), 4],
  ConvTranspose: (b) => {
    const x = b.input("x", [1, 4, 3, 3]);
    return [b.op("ConvTranspose", [x, b.weight([4, 3, 2, 2])], { strides: [2, 2] }), 3];
  },
  "ConvTranspose with groups": (b) => {
    const x = b.input("x", [1, 4, 3, 3]);
    const weights = [b.weight([4, 3, 2, 2]), b.weight([6])];
    return [b.op("ConvTranspose", [x, ...weights], { group: 2 }), 6];
  },
  Gemm: (b) => [b.op("Gemm", [b.input("x", [2, 5]), b.weight([5, 7])]), 7],
  "Gemm, bias of one number": (b) => {
    return [b.op("Gemm", [b.input("x", [2, 5]), b.weight([5, 7]), b.weight([])]), 7];
  },
  "Gemm, transposed, scaled": (b) => {
    const inputs = [b.input("x", [2, 5]), b.weight([7, 5]), b.weight([1, 7])];
    return [b.op("Gemm", inputs, { transB: 1, alpha: 0.5, beta: 2 }), 7];
  },
};

describe.each(Object.entries(producers))("behind %s", (_name, write) => {
  test("BatchNormalization moves into the weights", () => {
    const b = new GraphBuilder();
    const before = b.typed(normalize(b, ...write(b)));
    const after = rewrite(before, foldIntoWeights);
    expect(after.nodes.map((n) => n.op)).toEqual([before.nodes[0]!.op]);
    expect(after.outputs).toEqual(before.outputs);
    expectValid(after);
    expectSameResults(after, before);
  });

  test("so does a chain of arithmetic with constants per channel", () => {
    const b = new GraphBuilder();
    const [y, channels] = write(b);
    const rank = b.typed(y).types.get(y)!.dims.length;
    const dims = [channels, ...Array<number>(rank - 2).fill(1)];
    const scaled = b.op("Mul", [b.weight([1, ...dims]), b.op("Add", [y, b.weight(dims)])]);
    const moved = b.op("Sub", [b.weight(dims), b.op("Sub", [scaled, b.weight([])])]);
    const before = b.typed(b.op("Div", [moved, b.weight(dims, 1, 2)]));
    const after = rewrite(before, foldIntoWeights);
    expect(after.nodes.map((n) => n.op)).toEqual([before.nodes[0]!.op]);
    expectSameResults(after, before);
  });
});

test("a value that is read twice is not folded into", () => {
  const b = new GraphBuilder();
  const y = producers.Conv!(b)[0];
  const before = b.typed(normalize(b, y, 4), b.op("Relu", [y]));
  expect(rewrite(before, foldIntoWeights).nodes).toEqual(before.nodes);
});

test("a constant that varies along another axis, or that widens the result, stays", () => {
  const b = new GraphBuilder();
  const y = b.op("Conv", [b.input("x", [2, 3, 5, 6]), b.weight([4, 3, 3, 3])]);
  const along = b.op("Mul", [y, b.weight([4])]);
  const before = b.typed(b.op("Add", [along, b.weight([2, 1, 1, 1, 1])]));
  expect(rewrite(before, foldIntoWeights).nodes).toEqual(before.nodes);
});

test("a bias that varies along the rows of a Gemm is not folded into", () => {
  const b = new GraphBuilder();
  const y = b.op("Gemm", [b.input("x", [2, 5]), b.weight([5, 7]), b.weight([2, 1])]);
  const before = b.typed(b.op("Mul", [y, b.weight([7])]));
  expect(rewrite(before, foldIntoWeights).nodes).toEqual(before.nodes);
});

test("weights computed at run time stay", () => {
  const b = new GraphBuilder();
  const y = b.op("Conv", [b.input("x", [1, 3, 4, 4]), b.input("w", [2, 3, 1, 1])]);
  const before = b.typed(b.op("Mul", [y, b.weight([2, 1, 1])]));
  expect(rewrite(before, foldIntoWeights).nodes).toEqual(before.nodes);
});

test.each([[[2, 4]], [[2, 4, 5]], [[1, 4, 3, 2]], [[1, 4, 2, 3, 2]]])(
  "what is left of BatchNormalization on %j becomes Mul and Add",
  (dims) => {
    const b = new GraphBuilder();
    const before = b.typed(normalize(b, b.input("x", dims), 4));
    const after = rewrite(before, splitBatchNormalization);
    expect(after.nodes.map((n) => n.op)).toEqual(["Mul", "Add"]);
    expectValid(after);
    expectSameResults(after, before);
  },
);
