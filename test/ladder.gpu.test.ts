import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { engineSteps, type LadderStep, ladderCase, ladderStep } from "../src/bench/ladder.ts";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { buildOptions } from "../src/tunings/shader-hash.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

const folder = new URL("../bench/ladder/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".wgsl"));

// Neither a multiple of the tiles' sizes, so that borders, last rows and last columns are met.
const conv = ladderCase({ batch: 2, channels: 32, filters: 80, side: 11 });

async function errorOf({ program, inputs, outputDims, check }: LadderStep): Promise<number> {
  const outputs = [{ dtype: "float32", dims: outputDims } as const];
  const [output] = await runProgram(gpu, program, { inputs, operands: [], outputs });
  return check(output!);
}

test.each(files)("%s computes the convolution", async (file) => {
  const step = ladderStep(
    file,
    readFileSync(new URL(file, folder), "utf8"),
    conv,
    buildOptions(gpu.traits),
  );
  expect(step.title).toMatch(/^[A-Z].*\.$/);
  const error = await errorOf(step);
  expect(error).toBeLessThan(1e-6);
  // Sums in another order than the reference's differ a little; equal numbers compared nothing.
  expect(error).toBeGreaterThan(0);
});

test("the engine's kernels compute it too", async () => {
  const steps = engineSteps(gpu, conv);
  expect(steps.map(({ name }) => name)).toContain("conv-gemm");
  for (const step of steps) expect(await errorOf(step)).toBeLessThan(1e-5);
});

test("channels that the kernels cannot take are refused", () => {
  expect(() => ladderCase({ batch: 1, channels: 3, filters: 64, side: 8 })).toThrow(
    expect.objectContaining({ code: "usage" }),
  );
});
