import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convDepthwise } from "../src/kernels/conv-depthwise.ts";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Kernel } from "../src/kernels/kernel.ts";
import { matmulTile } from "../src/kernels/matmul-tile.ts";
import { type OpCase, random, weight } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import type { Op } from "../src/ops/define.ts";
import { gemm } from "../src/ops/matmul.ts";
import { readyCase } from "./cases.ts";

// Emulated GPUs pack weights in JavaScript; here their packing shaders run too.
let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

const nhwc = { layout: "NHWC" };
const cases: readonly [string, Op, Kernel, OpCase, outputs?: number][] = [
  [
    "filters of a convolution in groups",
    conv,
    convGemm,
    {
      name: "groups",
      inputs: [random([1, 4, 4, 72]), weight([88, 36, 3, 3])],
      attributes: { ...nhwc, group: 2 },
    },
  ],
  [
    "filters for one channel each",
    conv,
    convDepthwise,
    {
      name: "depthwise",
      inputs: [random([1, 3, 3, 2048]), weight([2048, 1, 3, 3])],
      attributes: { ...nhwc, group: 2048 },
    },
  ],
  [
    "filters for Winograd of 4",
    conv,
    convWinograd,
    {
      name: "winograd",
      inputs: [random([1, 40, 40, 20]), weight([24, 20, 3, 3])],
      attributes: nhwc,
    },
    4,
  ],
  [
    "filters for Winograd of 2",
    conv,
    convWinograd,
    {
      name: "winograd",
      inputs: [random([1, 40, 40, 40]), weight([28, 40, 3, 3])],
      attributes: nhwc,
    },
    2,
  ],
  [
    "a matrix to be transposed",
    gemm,
    matmulTile,
    { name: "transB", inputs: [random([8, 132]), weight([128, 132])], attributes: { transB: 1 } },
  ],
];

test.each(cases)(
  "the device packs %s as JavaScript does",
  async (_, op, kernel, opCase, outputs = 1) => {
    const { problem } = readyCase(op, opCase);
    const config = { tileM: 32, tileN: 32, depth: 8, rows: 4, cols: 4, splits: 1, stages: 1 };
    const [packed] = kernel.build(
      problem,
      { ...config, unroll: false, half: false, outputs, chunkMebibytes: 1 },
      { specialize: false },
    ).packed!;
    const { source, wgsl, workgroups, params } = packed!.shader!;
    const expected = packed!.make() as Float32Array;
    const [actual] = await runProgram(
      gpu,
      {
        dispatches: [
          {
            label: "pack",
            wgsl,
            workgroups,
            bindings: [
              { kind: "input", index: 0 },
              { kind: "output", index: 0 },
              { kind: "params", data: params },
            ],
          },
        ],
      },
      {
        inputs: [source],
        operands: [],
        outputs: [{ dtype: "float32", dims: [expected.length] }],
      },
    );
    const numbers = actual!.toNumbers();
    // What is padding is zero on a fresh buffer; here buffers start as NaN.
    const worst = expected.reduce((most, value, i) => {
      const got = numbers[i]!;
      return Math.max(most, value === 0 && Number.isNaN(got) ? 0 : Math.abs(got - value));
    }, 0);
    expect(worst).toBeLessThan(1e-6);
  },
);
