import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Kernel } from "../src/kernels/kernel.ts";
import { matmulTile } from "../src/kernels/matmul-tile.ts";
import { type OpCase, random, weight } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import type { Op } from "../src/ops/define.ts";
import { matmul } from "../src/ops/matmul.ts";
import { readyCase, relativeError } from "./cases.ts";
import { fused } from "./fused.ts";

// On software Vulkan the kernels offer one small tile. Here the others compute too.
let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

const nhwc = { layout: "NHWC" };

/** Sums that do not divide evenly, so that the last slice and the last part are short. */
const problems: readonly [name: string, op: Op, kernel: Kernel, opCase: OpCase][] = [
  [
    "3x3 with bias",
    conv,
    convGemm,
    {
      name: "3x3",
      inputs: [random([1, 9, 10, 36]), weight([40, 36, 3, 3]), weight([40])],
      attributes: { ...nhwc, pads: [1, 1, 1, 1] },
    },
  ],
  [
    "first layer",
    conv,
    convGemm,
    {
      name: "5x5",
      inputs: [random([1, 20, 18, 3]), weight([20, 3, 5, 5])],
      attributes: { ...nhwc, strides: [2, 2], pads: [2, 2, 2, 2] },
    },
  ],
  [
    "1x1 in groups",
    conv,
    convGemm,
    {
      name: "1x1",
      inputs: [random([2, 7, 7, 80]), weight([24, 40, 1, 1])],
      attributes: { ...nhwc, group: 2 },
    },
  ],
  [
    "1x1 by strides",
    conv,
    convGemm,
    {
      name: "1x1",
      inputs: [random([2, 7, 9, 40]), weight([24, 40, 1, 1]), weight([24])],
      attributes: { ...nhwc, strides: [2, 3] },
    },
  ],
  [
    "1x1 of a part of the picture",
    conv,
    convGemm,
    {
      name: "1x1",
      inputs: [random([2, 7, 9, 40]), weight([24, 40, 1, 1])],
      attributes: { ...nhwc, pads: [0, 0, -1, -2] },
    },
  ],
  [
    "product",
    matmul,
    matmulTile,
    { name: "product", inputs: [random([70, 100]), weight([100, 68])] },
  ],
];

const tall = { tileM: 16, tileN: 32, depth: 32, rows: 4, cols: 4 };
const wide = { tileM: 32, tileN: 64, depth: 8, rows: 4, cols: 8 };
const configs = [
  { ...tall, stages: 1, unroll: false, half: false, splits: 3 },
  { ...wide, stages: 1, unroll: false, half: false, splits: 2 },
  { ...tall, depth: 8, stages: 1, unroll: true, half: false, splits: 1 },
  { ...tall, depth: 8, stages: 2, unroll: false, half: false, splits: 2 },
];

test.each([
  { outputs: 4, name: "odd size", dims: [2, 11, 9, 8], pads: [1, 1, 1, 1], chunkMebibytes: 1 },
  {
    outputs: 4,
    name: "in chunks",
    dims: [1, 18, 21, 12],
    pads: [0, 2, 1, 0],
    chunkMebibytes: 0.02,
  },
  { outputs: 2, name: "in chunks", dims: [1, 11, 9, 12], pads: [1, 0, 2, 1], chunkMebibytes: 0.02 },
])("Winograd of $outputs outputs, $name, with fused steps", async (variant) => {
  const { outputs: m, dims, pads, chunkMebibytes } = variant;
  const filters = 8;
  const channels = dims[3]!;
  const opCase: OpCase = {
    name: "3x3",
    inputs: [random(dims), weight([filters, channels, 3, 3]), weight([filters])],
    attributes: { ...nhwc, pads },
  };
  const ready = readyCase(conv, opCase);
  const { problem, operands, expected } = fused(ready);
  const config = {
    ...tall,
    stages: 1,
    unroll: false,
    half: false,
    splits: 1,
    outputs: m,
    chunkMebibytes,
  };
  const program = convWinograd.build(problem, config, { specialize: false, tailor: true });
  expect(program.dispatches.length > 3).toBe(chunkMebibytes < 1);
  const { inputs, outputs } = ready;
  const [actual] = await runProgram(gpu, program, { inputs, operands, outputs });
  expect(relativeError(actual!, expected[0]!)).toBeLessThan(1e-5);
});

// Every kind of tile with two of the problems: an emulated GPU compiles each for seconds.
test.each(problems)("%s in tiles", async (name, op, kernel, opCase) => {
  const { problem, inputs, outputs, expected } = readyCase(op, opCase);
  const turn = problems.findIndex((p) => p[0] === name);
  for (const config of configs.filter((_, i) => (i + turn) % 2 === 0)) {
    expect(kernel.fits(config, problem, gpu.traits)).toBe(true);
    const program = kernel.build(problem, config, { specialize: false, tailor: true });
    const [actual] = await runProgram(gpu, program, { inputs, operands: [], outputs });
    expect(relativeError(actual!, expected[0]!), JSON.stringify(config)).toBeLessThan(1e-5);
  }
});

test("3x3 in whole slices, inside the picture: no checks are left", async () => {
  const { problem, inputs, outputs, expected } = readyCase(conv, {
    name: "3x3",
    inputs: [random([1, 7, 8, 32]), weight([36, 32, 3, 3])],
    attributes: { ...nhwc, strides: [2, 1] },
  });
  const options = { specialize: false, tailor: true };
  const program = convGemm.build(problem, configs.at(-1)!, options);
  expect(program.dispatches[0]!.wgsl).not.toContain("counts_");
  const [actual] = await runProgram(gpu, program, { inputs, operands: [], outputs });
  expect(relativeError(actual!, expected[0]!)).toBeLessThan(1e-5);
});

test("a product of float16 values, multiplied in float16 and in float32", async ({ skip }) => {
  skip(!gpu.traits.hasF16, "the device has no shader-f16");
  const [, op, kernel, opCase] = problems.at(-1)!;
  const { problem, inputs, outputs, expected } = readyCase(op, opCase, "float16");
  const error = async (half: boolean) => {
    const config = { ...tall, depth: 8, stages: 1, unroll: false, splits: 1, half };
    const program = kernel.build(problem, config, { specialize: false, tailor: true });
    const [actual] = await runProgram(gpu, program, { inputs, operands: [], outputs });
    return relativeError(actual!, expected[0]!);
  };
  const [whole, half] = [await error(false), await error(true)];
  expect(whole).toBeLessThan(5e-4);
  expect(half).toBeLessThan(2e-3);
  // The products really are float16's.
  expect(half).toBeGreaterThan(1.2 * whole);
});
