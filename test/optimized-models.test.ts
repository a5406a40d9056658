import { expect, test } from "vitest";
import { models } from "../src/models/index.ts";
import { optimize, resolve } from "../src/passes/index.ts";
import { expectSameResults, expectValid, opsOf } from "./graphs.ts";

function resolved(name: string, imageSize: number) {
  const graph = models.get(name)!.build({ batch: 1, imageSize });
  return resolve(graph, new Map([["x", [1, 3, imageSize, imageSize]]]));
}

/** What each family should come down to: how many nodes of which kind. */
const expected: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  resnet18: {
    Transpose: 1,
    "Conv+Relu": 9,
    MaxPool: 1,
    "Conv+Add+Relu": 8,
    Conv: 3,
    GlobalAveragePool: 1,
    Reshape: 1,
    Gemm: 1,
  },
  vgg11: { Transpose: 1, "Conv+Relu": 8, MaxPool: 5, Reshape: 1, "Gemm+Relu": 2, Gemm: 1 },
  mobilenet_v2: {
    Transpose: 1,
    "Conv+Clip": 18,
    SeparableConv: 7,
    "SeparableConv+Add": 10,
    GlobalAveragePool: 1,
    Reshape: 1,
    Gemm: 1,
  },
  mobilenet_v3_small: {
    Transpose: 1,
    "Conv+HardSwish": 18,
    "Conv+Relu": 12,
    GlobalAveragePool: 10,
    "Conv+HardSigmoid": 9,
    Mul: 9,
    Conv: 4,
    "Conv+Add": 5,
    SeparableConv: 1,
    "SeparableConv+Add": 1,
    Reshape: 1,
    "Gemm+HardSwish": 1,
    Gemm: 1,
  },
  squeezenet1_1: {
    Transpose: 1,
    "Conv+Relu": 26,
    MaxPool: 3,
    Concat: 8,
    GlobalAveragePool: 1,
    Reshape: 1,
  },
  googlenet: {
    Transpose: 1,
    "Conv+Relu": 57,
    MaxPool: 13,
    Concat: 9,
    GlobalAveragePool: 1,
    Reshape: 1,
    Gemm: 1,
  },
  densenet121: {
    Transpose: 1,
    "Conv+Relu": 59,
    MaxPool: 1,
    "Mul+Add+Relu": 62,
    Conv: 61,
    Concat: 58,
    AveragePool: 3,
    GlobalAveragePool: 1,
    Reshape: 1,
    Gemm: 1,
  },
  efficientnet_b0: {
    Transpose: 1,
    "Conv+Swish": 49,
    GlobalAveragePool: 17,
    "Conv+Sigmoid": 16,
    Mul: 16,
    Conv: 7,
    "Conv+Add": 9,
    Reshape: 1,
    Gemm: 1,
  },
  unet: { Transpose: 2, "Conv+Relu": 18, MaxPool: 4, ConvTranspose: 4, Concat: 4, Conv: 1 },
  espcn: { Transpose: 2, "Conv+Tanh": 2, Conv: 1, DepthToSpace: 1 },
};

test.each(Object.entries(expected))(
  "%s: everything fuses, two Transposes at most",
  (name, counts) => {
    const after = optimize(resolved(name, 64), { precision: "f32" });
    expectValid(after);
    const found: Record<string, number> = {};
    for (const op of opsOf(after)) found[op] = (found[op] ?? 0) + 1;
    expect(found).toEqual(counts);
  },
);

test.each([
  ["mobilenet_v3_small", 32],
  ["squeezenet1_1", 32],
  ["espcn", 8],
])("%s computes the same", (name, imageSize) => {
  const before = resolved(name, imageSize);
  expectSameResults(optimize(before, { precision: "f32" }), before);
});
